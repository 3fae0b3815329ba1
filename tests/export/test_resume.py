"""A killed export goes on where it stopped, and ends with the bytes of one that was not killed."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ovglm.manifest import FILE_NAME
from ovglm.recipe import Recipe
from ovglm_export import native, pipeline
from ovglm_export.native import part_names
from ovglm_export.pipeline import export_checkpoint
from ovglm_export.spool import Spool

SERVER = Path(__file__).parents[1] / "support" / "export_server.py"
# A ratio needs a look at all layers first, which has to be resumed too.
RECIPE = Recipe(ratio=0.5)
PARTS = part_names(2)
KILLED = -9

Kill = tuple[str, str, int] | None
Export = Callable[..., tuple[int, list[str]]]


def contents(folder: Path) -> dict[str, bytes]:
    """Read all files of a folder."""
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Export]:
    """A function that exports in a process of its own, which may be killed on the way."""
    if not hasattr(os, "fork"):
        pytest.skip("needs fork")
    log = tmp_path_factory.mktemp("log") / "parts.txt"
    paths = os.pathsep.join([*filter(None, sys.path)])
    server = subprocess.Popen(
        [sys.executable, SERVER],
        env={**os.environ, "PYTHONPATH": paths},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdin and server.stdout

    def run(source: Path, output: Path, kill: Kill = None, **wishes: Any) -> tuple[int, list[str]]:
        log.write_text("", encoding="utf-8")
        job = {"source": str(source), "output": str(output), "kill": kill, "log": str(log)}
        job |= {"recipe": RECIPE.to_dict(), "force": False, **wishes}
        print(json.dumps(job), file=server.stdin, flush=True)
        return int(server.stdout.readline()), log.read_text(encoding="utf-8").splitlines()

    yield run
    server.stdin.close()
    server.wait()
    server.stdout.close()


# Where each run in turn is killed, and the parts that it began: those that an earlier one
# finished are not among them.
STEPS: list[tuple[Kill, list[str]]] = [
    (("ovglm_export.pipeline:export_tokenizer", "before", 1), []),
    (("ovglm_export.pipeline:write_config", "after", 1), []),
    (("ovglm_export.native:int8_sensitivity", "after", 7), []),
    (("ovglm_export.spool:Spool.note", "before", 1), []),
    (("ovglm_export.spool:Spool.note", "after", 1), []),
    (("ovglm_export.spool:ov.save_model", "torn", 3), ["embedding"]),
    (("ovglm_export.spool:Spool._write_journal", "before", 1), ["embedding"]),
    (("ovglm_export.spool:Spool.save", "after", 1), ["embedding"]),
    (("ovglm_export.spool:ov.save_model", "torn", 3), ["layer_000"]),
    (("ovglm_export.spool:os.replace", "before", 1), ["layer_000"]),
    (("ovglm_export.spool:os.replace", "after", 1), ["layer_000"]),
    (("ovglm_export.native:compress_matrices", "after", 1), []),
    (("ovglm_export.spool:Spool.save", "after", 1), ["layer_001"]),
    (("ovglm_export.spool:ov.save_model", "torn", 3), ["head"]),
    (("ovglm_export.spool:Spool.save", "after", 1), ["head"]),
    (("ovglm_export.native:ov.save_model", "torn", 3), []),
    (("ovglm_export.pipeline:join_spooled", "after", 1), []),
    (("ovglm_export.pipeline:make_golden", "after", 1), []),
    (("ovglm_export.pipeline:write_manifest", "before", 1), []),
    (("ovglm_export.pipeline:write_manifest", "torn", 1), []),
    (("ovglm_export.pipeline:write_manifest", "after", 1), []),
]


def test_an_export_that_is_killed_everywhere_ends_with_the_same_bytes(
    tiny_models: Any, export: Export, tmp_path: Path
) -> None:
    source, output = tiny_models.checkpoint(), tmp_path / "output"
    for kill, parts in STEPS:
        assert (kill, *export(source, output, kill)) == (kill, KILLED, parts)
        assert not output.exists()
    assert export(source, output) == (0, [])
    assert contents(output) == contents(tiny_models.export(recipe=RECIPE))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["output"]
