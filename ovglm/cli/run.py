"""`ovglm run`: one prompt, one answer. The answer goes to stdout, all else to stderr."""

import sys
from argparse import ArgumentParser, Namespace
from dataclasses import fields, replace
from typing import TYPE_CHECKING

from ovglm.errors import OvglmError
from ovglm.messages import Message, Sampling

if TYPE_CHECKING:
    from ovglm.assistant import Reply

__all__ = ["EXAMPLES", "HELP", "add_arguments", "run"]

HELP = "answer one prompt with a model, exporting it first where needed"

EXAMPLES = """\
  ovglm run nano "What is the capital of France?"
  ovglm run ./glm-edge-1.5b-chat "你好" --weights int8
  ovglm run ./glm-edge-int4 "Write a haiku" --temperature 0.8 --seed 1
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the options of `ovglm run`."""
    add = parser.add_argument
    add("model", metavar="MODEL", help="a name of `ovglm list`, a checkpoint or exported folder")
    add("prompt", metavar="PROMPT", help="what to ask")
    add("--system", metavar="TEXT", help="an instruction that stands before the prompt")
    add("--device", default="CPU", help="the device that answers (default: %(default)s)")
    add(
        "--weights",
        choices=("int4", "int8", "bf16"),
        help="the format to export to, where the model is not exported yet (default: int4)",
    )
    sampling = parser.add_argument_group("sampling", "the defaults are the model's own")
    add = sampling.add_argument
    add("--max-new-tokens", type=int, metavar="N", help="the longest answer, in tokens")
    add("--temperature", type=float, metavar="T", help="0 takes the likeliest token always")
    add("--top-p", type=float, metavar="P", help="keep the likeliest tokens of this probability")
    add("--top-k", type=int, metavar="K", help="keep the K likeliest tokens; 0 keeps all")
    add("--seed", type=int, metavar="N", help="makes a sampled answer repeatable")


def run(options: Namespace) -> int:
    """Export where needed, load, answer. All that can be refused is refused before the export."""
    from ovglm.assistant import load_assistant
    from ovglm.devices import choose_device
    from ovglm.exporters import ensure_exported
    from ovglm.recipe import Recipe
    from ovglm.sampling import recommended_sampling
    from ovglm.store import find_model
    from ovglm.template import ChatTemplate

    device = choose_device(options.device)
    model = find_model(options.model)
    if model.is_exported and options.weights:
        raise OvglmError(
            f"{model.folder} is exported already, so --weights {options.weights} has no effect",
            hint=f"ovglm inspect {model.folder}",
        )
    messages = _to_messages(options)
    sampling = _choose_sampling(options, recommended_sampling(model.folder))
    ChatTemplate.load(model.folder)
    recipe = Recipe(weights=options.weights) if options.weights else Recipe()
    folder = ensure_exported(model, recipe)
    reply = load_assistant(folder, device).reply(messages, sampling)
    for piece in reply:
        print(piece, end="", flush=True)
    print(flush=True)
    print(_figures(reply, device), file=sys.stderr)
    return 0


def _to_messages(options: Namespace) -> list[Message]:
    if not options.prompt.strip():
        raise OvglmError("the prompt is empty", hint=f'ovglm run {options.model} "Hello"')
    system = [Message("system", options.system)] if options.system else []
    return [*system, Message("user", options.prompt)]


def _choose_sampling(options: Namespace, recommended: Sampling) -> Sampling:
    names = [field.name for field in fields(Sampling)]
    given = {name: value for name in names if (value := getattr(options, name, None)) is not None}
    sampling = replace(recommended, **given)
    useless = [f"--{name.replace('_', '-')}" for name in ("top_p", "top_k") if name in given]
    if useless and sampling.is_greedy:
        raise OvglmError(
            f"{' and '.join(useless)} has no effect while the temperature is 0",
            hint=f"--temperature 0.8 {useless[0]} {given[useless[0][2:].replace('-', '_')]}",
        )
    return sampling


def _figures(reply: "Reply", device: str) -> str:
    usage = reply.usage
    if usage is None:
        raise ValueError("an unfinished reply has no figures")
    speed = usage.tokens_per_s
    parts = [
        f"prompt {usage.prompt_tokens} tokens",
        f"answer {usage.reply_tokens} tokens",
        f"first token {usage.first_token_s * 1000:.0f} ms",
        *([f"{speed:.1f} tokens/s"] if speed else []),
        device,
        *(["cut at the token limit"] if reply.finish_reason == "length" else []),
    ]
    return " · ".join(parts)
