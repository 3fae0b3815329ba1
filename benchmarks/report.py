"""What a committed table needs: machine, versions and a Markdown table; measures nothing."""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

__all__ = ["markdown_table", "setting", "write"]

_PACKAGES = (
    *("ovglm", "openvino", "openvino-genai", "openvino-tokenizers", "nncf"),
    *("transformers", "torch", "optimum-intel", "optimum", "llama-cpp-python"),
)
_ASK = """
import json, sys
from importlib import metadata
found = {}
for name in sys.argv[1:]:
    try:
        found[name] = metadata.version(name)
    except metadata.PackageNotFoundError:
        pass
print(json.dumps(found))
"""


def setting(command: Sequence[str], others: Mapping[str, Path] | None = None) -> list[str]:
    """Return the lines that say where and how the figures were made.

    others: the Pythons of peers' environments, by whose they are. Folders are left out of the
    command, so that a committed table names none of the machine it was made on.
    """
    return [
        f"- machine: {_machine()}",
        f"- ovglm's environment: {_versions(Path(sys.executable))}",
        *(
            f"- {whose} environment: {_versions(python)}"
            for whose, python in (others or {}).items()
        ),
        f"- command: `{' '.join(map(_without_folder, command))}`",
    ]


def _without_folder(word: str) -> str:
    return "FOLDER" if Path(word).is_absolute() else word


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table; every column but the first is aligned to the right."""
    marks = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join("| " + " | ".join(row) + " |" for row in (header, marks, *rows))


def write(text: str, output: Path | None) -> None:
    """Print the report, and save it where a file is named."""
    print(text)
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text + "\n", encoding="utf-8")


def _machine() -> str:
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{_processor()}, {os.cpu_count()} logical cores, {memory:.0f} GiB, "
        f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    )


def _processor() -> str:
    """Return the processor's name; Linux says it only in /proc."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown processor"


def _versions(python: Path) -> str:
    command = [str(python), "-c", _ASK, *_PACKAGES]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return ", ".join(f"{name} {version}" for name, version in json.loads(done.stdout).items())
