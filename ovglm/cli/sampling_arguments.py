"""The options that say how the next token is chosen, and what they come to."""

from argparse import ArgumentParser, Namespace
from dataclasses import fields, replace

from ovglm.errors import OvglmError
from ovglm.messages import Sampling

__all__ = ["add_sampling_arguments", "to_sampling"]

NEEDS_CHANCE = ("top_p", "top_k", "min_p")


def add_sampling_arguments(parser: ArgumentParser) -> None:
    """Describe the sampling; an option that is not given is None."""
    group = parser.add_argument_group("sampling", "the defaults are the model's own")
    add = group.add_argument
    add("--max-new-tokens", type=int, metavar="N", help="the longest answer, in tokens")
    add("--temperature", type=float, metavar="T", help="0 takes the likeliest token always")
    add("--top-p", type=float, metavar="P", help="keep the likeliest tokens of this probability")
    add("--top-k", type=int, metavar="K", help="keep the K likeliest tokens; 0 keeps all")
    text = "keep tokens at least P times as likely as the likeliest; 0 keeps all"
    add("--min-p", type=float, metavar="P", help=text)
    add("--seed", type=int, metavar="N", help="makes a sampled answer repeatable")
    add(
        "--repetition-penalty",
        type=float,
        metavar="R",
        help="above 1 makes tokens of the prompt and the answer less likely; 1 is off",
    )
    add(
        "--presence-penalty",
        type=float,
        metavar="R",
        help="above 0 makes tokens that the answer has already less likely",
    )
    add(
        "--frequency-penalty",
        type=float,
        metavar="R",
        help="the same, and more so the more often the answer has them",
    )
    add(
        "--stop",
        action="append",
        metavar="TEXT",
        help="end the answer before this text; may be repeated",
    )


def to_sampling(options: Namespace, recommended: Sampling) -> Sampling:
    """Put what was given over the recommended sampling; refuse what would have no effect."""
    names = [field.name for field in fields(Sampling)]
    given = {name: value for name in names if (value := getattr(options, name, None)) is not None}
    if "stop" in given:
        given["stop"] = tuple(given["stop"])
    sampling = replace(recommended, **given)
    useless = [name for name in NEEDS_CHANCE if name in given]
    if useless and sampling.is_greedy:
        flags = [f"--{name.replace('_', '-')}" for name in useless]
        raise OvglmError(
            f"{' and '.join(flags)} has no effect while the temperature is 0",
            hint=f"--temperature 0.8 {flags[0]} {given[useless[0]]}",
        )
    return sampling
