"""The options of the runtime that several commands share, and what they come to."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace, _ArgumentGroup
from pathlib import Path
from typing import get_args

from ovglm.devices.options import CachePrecision, Precision, Preference, RuntimeOptions

__all__ = ["add_runtime_arguments", "to_runtime_options"]


def add_runtime_arguments(parser: ArgumentParser) -> None:
    """Describe where and how the model runs."""
    _add_device(parser.add_argument_group("device", "the choice and its reason go to stderr"))
    _add_memory(parser.add_argument_group("memory and arithmetic"))
    _add_cache(parser.add_argument_group("compiled models"))
    _add_guessing(parser.add_argument_group("guessing ahead", "the greedy text stays the same"))


def to_runtime_options(options: Namespace) -> RuntimeOptions:
    """Collect the options but --draft, whose model is not found yet."""
    return RuntimeOptions(
        prefer=options.prefer,
        context=options.context,
        max_response=options.max_response,
        kv_cache=options.kv_cache,
        threads=options.threads,
        precision=options.precision,
        cache=not options.no_cache,
        cache_dir=options.cache_dir,
        properties=tuple(options.property),
        prompt_lookup=options.prompt_lookup,
        vision_device=options.vision_device,
    )


def _add_device(group: _ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--device",
        default="AUTO",
        metavar="NAME",
        help="CPU, GPU, GPU.1 or NPU; a list such as NPU,GPU,CPU takes the first that works; "
        "AUTO takes the best one that the model fits (default: %(default)s)",
    )
    add(
        "--vision-device",
        metavar="NAME",
        help="what turns pictures into vectors, CPU or GPU, for models that take them (default: "
        "the device of --device, or CPU where that is an NPU)",
    )
    add(
        "--prefer",
        choices=get_args(Preference),
        default="speed",
        help="what AUTO looks at: the fastest device, the one that needs the least power (the NPU "
        "too), or the one with the most memory to spare (default: %(default)s)",
    )
    add(
        "--property",
        action="append",
        default=[],
        type=_to_property,
        metavar="KEY=VALUE",
        help="hand a setting to the OpenVINO plugin; a name it does not know is an error; "
        "may be repeated",
    )


def _add_memory(group: _ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--context",
        type=int,
        metavar="N",
        help="room for N tokens of prompt and answer together; less takes less memory",
    )
    add(
        "--max-response",
        type=int,
        metavar="N",
        help="of the context, keep N tokens for the answer; the NPU is compiled for this",
    )
    add(
        "--kv-cache",
        choices=get_args(CachePrecision),
        help="the number format of the KV cache; u8 takes half the memory of f16 and bf16",
    )
    add(
        "--precision",
        choices=get_args(Precision),
        help="the number format to calculate in; f32 is the most exact and the slowest",
    )
    add("--threads", type=int, metavar="N", help="calculate with N threads (CPU only)")


def _add_cache(group: _ArgumentGroup) -> None:
    either = group.add_mutually_exclusive_group()
    either.add_argument(
        "--cache-dir",
        type=Path,
        metavar="DIR",
        help="keep compiled models in DIR, so that the next load is faster (default: ovglm's own "
        "folder for GPU and NPU; nothing for the CPU, which compiles as fast as it reads)",
    )
    either.add_argument("--no-cache", action="store_true", help="compile anew and keep nothing")


def _add_guessing(group: _ArgumentGroup) -> None:
    either = group.add_mutually_exclusive_group()
    either.add_argument(
        "--draft",
        metavar="MODEL",
        help="a smaller model of the same vocabulary guesses the next tokens, MODEL checks them; "
        "faster where it guesses well (CPU and GPU)",
    )
    either.add_argument(
        "--prompt-lookup",
        action="store_true",
        help="guess the next tokens from the prompt; faster where the answer repeats it (CPU, GPU)",
    )


def _to_property(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not (key.strip() and equals):
        raise ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    return key.strip(), value.strip()
