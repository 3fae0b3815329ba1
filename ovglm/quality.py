"""How much care an export takes with INT4: presets, single methods, and the text they look at."""

from collections.abc import Iterable
from typing import Any, Literal, get_args

from ovglm.errors import RecipeError

__all__ = ["METHODS", "Method", "Quality", "check_quality", "name_quality"]

Quality = Literal["fast", "balanced", "best"]
# NNCF's data-aware methods, in the order in which it applies them.
Method = Literal["awq", "scale_estimation", "gptq", "lora_correction"]
METHODS: tuple[Method, ...] = get_args(Method)
_SHORT = {"awq": "awq", "scale_estimation": "se", "gptq": "gptq", "lora_correction": "lora"}


def check_quality(
    weights: str, quality: str, methods: Iterable[str], samples: int, sample_length: int
) -> None:
    """Raise RecipeError where the choices contradict each other."""
    methods = tuple(methods)
    if quality not in get_args(Quality):
        raise RecipeError(
            f"quality is {quality!r}, not one of {', '.join(get_args(Quality))}",
            "--quality fast is the default",
        )
    if unknown := [one for one in methods if one not in METHODS]:
        raise RecipeError(f"no method is called {unknown[0]!r}", f"one of {', '.join(METHODS)}")
    if weights != "int4" and (quality != "fast" or methods):
        asked = f"--quality {quality}" if quality != "fast" else _flag(methods[0])
        raise RecipeError(
            f"{asked} has no meaning with --weights {weights}: only INT4 is fitted to text",
            f"leave out {asked}, or use --weights int4",
        )
    if quality != "fast" and methods:
        raise RecipeError(
            f"--quality {quality} chooses its own methods, so {_flag(methods[0])} has no place",
            f"leave out {_flag(methods[0])}, or --quality",
        )
    if {"gptq", "lora_correction"} <= set(methods):
        raise RecipeError(
            "--gptq and --lora-correction cannot go together; NNCF refuses it",
            "leave out one of them",
        )
    for flag, value in (("--samples", samples), ("--sample-length", sample_length)):
        if value < 1:
            raise RecipeError(f"{flag} is {value}; it must be at least 1", f"leave out {flag}")


def name_quality(quality: str, methods: Iterable[str], text: tuple[Any, ...]) -> list[str]:
    """Return the parts that a recipe's name gets from its quality; none for the defaults.

    text: calibration source, samples and sample length, or empty where they are the defaults.
    """
    parts = [quality] if quality != "fast" else []
    parts += [_SHORT[one] for one in methods]
    if text:
        source, samples, length = text
        parts += [f"{samples}x{length}", *([] if source == "builtin" else [source])]
    return parts


def _flag(method: str) -> str:
    return "--" + method.replace("_", "-")
