"""The two roads from a checkpoint to an INT4 folder, as command lines: ovglm and optimum-cli."""

import os
import sys
from pathlib import Path

from benchmarks.venvs import program

__all__ = ["ENVIRONMENT", "OPTIMUM", "OVGLM", "command"]

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
        return [*start, "--weights", "int4"]
    start = [str(program(optimum_env, "optimum-cli")), "export", "openvino", "-m", str(source)]
    task = ["--task", "text-generation-with-past"]
    recipe = ["--weight-format", "int4", "--sym", "--group-size", "128", "--ratio", "1.0"]
    return [*start, *task, *recipe, str(output)]
