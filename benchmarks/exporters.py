"""The two roads from a checkpoint to an INT4 folder, as command lines: ovglm and optimum-intel."""

import json
import os
import sys
from pathlib import Path

from tokenizers import Tokenizer

from benchmarks.venvs import program
from ovglm.recipe import Recipe
from ovglm_export.calibration import BUILTIN, load_calibration

__all__ = ["ENVIRONMENT", "OPTIMUM", "OVGLM", "calibrated_command", "command", "write_texts"]

OVGLM = "ovglm"
OPTIMUM = "optimum-cli"

# No road may wait for a network, and a terminal's width must not change what is measured.
ENVIRONMENT = {**os.environ, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "true"}


def command(road: str, source: Path, output: Path, optimum_env: Path) -> list[str]:
    """Return the command that exports `source` to INT4, group 128, symmetric, head in INT8.

    ovglm runs in this interpreter's environment, optimum-cli in `optimum_env`.
    """
    if road == OVGLM:
        start = [sys.executable, "-m", "ovglm", "export", str(source), "-o", str(output)]
        return [*start, "--weights", "int4", "--verify", "none"]
    start = [str(program(optimum_env, "optimum-cli")), "export", "openvino", "-m", str(source)]
    task = ["--task", "text-generation-with-past"]
    recipe = ["--weight-format", "int4", "--sym", "--group-size", "128", "--ratio", "1.0"]
    return [*start, *task, *recipe, str(output)]


def calibrated_command(road: str, source: Path, output: Path, optimum_env: Path) -> list[str]:
    """Return the command that exports `source` with a look at text, else as `command` says.

    ovglm's preset `balanced` against optimum-intel's AWQ and scale estimation; write_texts has
    written the samples of both.
    """
    if road == OVGLM:
        return [*command(road, source, output, optimum_env), "--quality", "balanced"]
    once = Path(__file__).with_name("optimum_calibrated.py")
    python = program(optimum_env, "python")
    return [str(python), str(once), str(source), str(output), str(_texts_file(source))]


def write_texts(source: Path) -> None:
    """Write the samples that `balanced` takes as texts, for the other road's tokenizer."""
    tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
    samples = load_calibration(BUILTIN, source, Recipe.samples, Recipe.sample_length)
    texts = [tokenizer.decode(list(ids), skip_special_tokens=False) for ids in samples]
    _texts_file(source).write_text(json.dumps(texts), encoding="utf-8")


def _texts_file(source: Path) -> Path:
    return source.with_name(f"{source.name}-texts.json")
