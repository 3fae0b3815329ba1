"""What the tests of refusals share: the refusal itself, and small damage to a checkpoint."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ovglm.errors import OvglmError
from ovglm.manifest import FILE_NAME
from ovglm.recipe import Recipe
from ovglm_export.pipeline import ExportOptions, export_checkpoint
from ovglm_export.shard import read_header
from tiny_glm import ABSENT, write_json

__all__ = ["MODEL", "edit", "needs_links", "poison", "refuse", "rewrite", "snapshot"]

MODEL = "model.safetensors"
needs_links = pytest.mark.skipif(os.name == "nt", reason="Windows lets only a few users link")


def snapshot(folder: Path) -> dict[str, bytes | None]:
    """Read everything in a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


def refuse(source: Path, words: str, recipe: Recipe | None = None, **wishes: Any) -> None:
    """Export to a new place and over a finished export: both fail with these words, and no trace.

    The source's own parent folder is all that is written to, and it is compared byte by byte.
    """
    root, wanted = source.parent, recipe or Recipe("bf16")
    finished = root / "finished"
    finished.mkdir(exist_ok=True)
    (finished / FILE_NAME).write_text("{}", encoding="utf-8")
    (finished / "openvino_model.bin").write_bytes(b"old")
    before = snapshot(root)
    for output in (root / "new" / "output", finished):
        with pytest.raises(OvglmError) as caught:
            export_checkpoint(source, output, wanted, ExportOptions(force=True, **wishes))
        assert words in caught.value.message
        assert "\n" not in caught.value.message
        assert caught.value.hint
        assert snapshot(root) == before


def edit(file: Path, **changes: Any) -> None:
    """Change fields of a JSON file."""
    fields = {**json.loads(file.read_text(encoding="utf-8")), **changes}
    write_json(file, {name: value for name, value in fields.items() if value is not ABSENT})


def rewrite(file: Path, change: Callable[[dict[str, Any]], object], more: bytes = b"") -> None:
    """Change a safetensors header, and append data."""
    raw = file.read_bytes()
    length = int.from_bytes(raw[:8], "little")
    table = json.loads(raw[8 : 8 + length])
    change(table)
    header = json.dumps(table).encode()
    file.write_bytes(len(header).to_bytes(8, "little") + header + raw[8 + length :] + more)


def poison(file: Path, name: str, bits: int, width: type = np.uint16, at: int = -1) -> None:
    """Overwrite one value of a tensor."""
    info = read_header(file)[name]
    count = int(np.prod(info.shape))
    np.memmap(file, width, "r+", offset=info.offset, shape=(count,))[at] = bits
