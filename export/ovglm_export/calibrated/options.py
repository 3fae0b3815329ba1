"""The options of `ovglm export` that decide how much care it takes, and what they mean."""

from __future__ import annotations

import hashlib
from argparse import Namespace, _ArgumentGroup
from pathlib import Path
from typing import Any, get_args

from ovglm.errors import OvglmError, RecipeError
from ovglm.quality import METHODS, Quality
from ovglm.recipe import Recipe

__all__ = ["add_quality_options", "calibration_file", "check_text", "chosen_quality", "name_text"]

_BUILTIN = "builtin"
_METHOD_TEXTS = {
    "awq": "scale weights up where their inputs are large",
    "scale_estimation": "fit the scales to the inputs",
    "gptq": "let later columns mend the errors of earlier ones",
    "lora_correction": "add small INT8 matrices that mend errors; not with --gptq, nor for the NPU",
}


def add_quality_options(group: _ArgumentGroup) -> None:
    """Describe them; the recipe's dataclass holds the defaults."""
    add, default = group.add_argument, Recipe()
    text = (
        "fast looks at no text; balanced fits each matrix to calibration text; best also mends "
        "what earlier layers did, in twice the time (default: %(default)s)"
    )
    add("--quality", choices=get_args(Quality), default=default.quality, help=text)
    for method in METHODS:
        flag = "--" + method.replace("_", "-")
        text = f"NNCF's method instead of a preset: {_METHOD_TEXTS[method]}"
        add(flag, action="store_true", help=text)
    text = "a .txt or .jsonl file, or the set that comes with ovglm (default: builtin)"
    add("--calibration", metavar="FILE|builtin", default=_BUILTIN, help=text)
    text = f"samples of calibration text (default: {default.samples})"
    add("--samples", type=int, metavar="N", default=default.samples, help=text)
    text = f"tokens of each sample (default: {default.sample_length})"
    add("--sample-length", type=int, metavar="N", default=default.sample_length, help=text)


def chosen_quality(options: Namespace) -> dict[str, Any]:
    """Return the recipe's fields that the options choose; the user's file is read for its name."""
    file = calibration_file(options)
    return {
        "quality": options.quality,
        "methods": tuple(one for one in METHODS if getattr(options, one)),
        "calibration": Recipe.calibration if file is None else name_text(file),
        "samples": options.samples,
        "sample_length": options.sample_length,
    }


def calibration_file(options: Namespace) -> Path | None:
    """Return the user's text, or None for the built-in set."""
    return None if options.calibration == _BUILTIN else Path(options.calibration)


def name_text(file: Path) -> str:
    """Name a text by its file and content, so that a changed text makes another recipe.

    Raises OvglmError where there is no such file.
    """
    if not file.is_file():
        raise OvglmError(f"{file} is no file", "--calibration builtin, or another file")
    return f"{file.stem}-{hashlib.sha256(file.read_bytes()).hexdigest()[:8]}"


def check_text(recipe: Recipe, file: Path | None) -> None:
    """Refuse a recipe that names another text than the one it comes with."""
    named = Recipe.calibration if file is None else name_text(file)
    if recipe.calibration != named:
        raise RecipeError(
            f"the recipe names the calibration text {recipe.calibration}, and {named} is given",
            "give the recipe calibration=name_text(file)",
        )
