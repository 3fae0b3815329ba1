"""A checkpoint that is exported straight from its hub gives the files of one that was pulled."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from killed_exports import contents
from ovglm.hub import pull
from ovglm.manifest import read_manifest
from ovglm.recipe import Recipe
from ovglm_export.checkpoint import open_checkpoint
from ovglm_export.pipeline import ExportOptions, export_checkpoint
from ovglm_export.spool import Spool
from ovglm_export.streaming import Forecast, stream_checkpoint
from ovglm_export.streaming.parts import Part, needed_tensors
from ovglm_export.streaming.shelf import Shelf
from refusals import edit
from small_hub import SmallHub
from streamed import REPO, publish, pulled_export, shards_of, stream
from tiny_glm import write_checkpoint

HEAD, EMBEDDING = "lm_head.weight", "model.embed_tokens.weight"


def test_the_files_are_those_of_the_pulled_models_export(
    hub: SmallHub, in_shards: Path, tmp_path: Path
) -> None:
    remote = publish(hub, in_shards)
    streamed = stream(remote, tmp_path / "streamed")
    options = ExportOptions(name=remote.name, verify="none")
    export_checkpoint(pull(REPO), tmp_path / "plain", Recipe(), options)
    assert streamed == contents(tmp_path / "plain")
    told = read_manifest(tmp_path / "streamed").source
    assert (told.repo, told.revision, told.hub) == (REPO, remote.revision, "huggingface")
    assert set(told.files) == {file.name for file in in_shards.iterdir()}
    assert sorted(os.listdir(tmp_path)) == ["plain", "source", "streamed"]


@pytest.mark.parametrize(
    ("layout", "recipe", "wishes"),
    [
        ("chatglm", Recipe(), {"shards": 3}),
        ("glm4", Recipe(symmetric=False, group_size=64), {"shards": 2}),
        ("glm", Recipe("bf16"), {"shards": 4, "dtype": "f32"}),
        ("glm", Recipe("int8"), {"shards": 3, "tie_word_embeddings": True}),
        ("glm", Recipe(lm_head="int4"), {"shards": 1}),
    ],
)
def test_every_layout_and_recipe_gives_the_plain_bytes(
    hub: SmallHub, tmp_path: Path, layout: str, recipe: Recipe, wishes: dict[str, Any]
) -> None:
    # Here the shards are dealt out tensor by tensor, so every part spans all of them.
    in_shards = write_checkpoint(tmp_path / "source", layout, **wishes)
    remote = publish(hub, in_shards)
    plain = pulled_export(in_shards, remote, tmp_path / "plain", recipe)
    assert stream(remote, tmp_path / "streamed", recipe) == contents(plain)


def test_only_what_no_part_was_made_of_is_on_the_disk_and_each_byte_comes_once(
    hub: SmallHub, in_shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote, fetch = publish(hub, in_shards), Shelf.fetch_on
    total, headers = sum(file.stat().st_size for file in shards_of(in_shards)), hub.served.copy()
    held: list[int] = []

    def look(self: Shelf, left: Sequence[Part]) -> None:
        folder = tmp_path / "output.partial" / "source" / "held"
        here = [path for path in folder.glob("*/*")]
        assert self.here() <= needed_tensors(left)
        held.append(sum(path.stat().st_size for path in here))
        if sys.platform == "linux":
            # A deleted file that is mapped still takes its room.
            maps = Path("/proc/self/maps").read_text(encoding="utf-8").splitlines()
            assert not any(str(folder) in line and "(deleted)" in line for line in maps)
        fetch(self, left)

    monkeypatch.setattr(Shelf, "fetch_on", look)
    stream(remote, tmp_path / "output")
    assert len(held) > len(shards_of(in_shards)) > 3
    assert max(held) < total / 2
    assert total <= (hub.served - headers).total() < total + 50_000


def test_what_it_takes_is_told_first_and_never_exceeded(
    hub: SmallHub, in_shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote, told, held, save, fetch = publish(hub, in_shards), [], [], Spool.save, Shelf.fetch_on

    def measure() -> None:
        folder = tmp_path / "output.partial"
        weights = [*folder.glob("source/held/*/*"), *folder.glob("spool/*.bin")]
        held.append(sum(file.stat().st_size for file in weights))

    def measured_save(self: Spool, *args: Any) -> None:
        save(self, *args)
        measure()

    def measured_fetch(self: Shelf, left: Sequence[Part]) -> None:
        fetch(self, left)
        measure()

    monkeypatch.setattr(Spool, "save", measured_save)
    monkeypatch.setattr(Shelf, "fetch_on", measured_fetch)
    stream_checkpoint(remote, tmp_path / "output", Recipe(), say=told.append)
    assert [type(one) for one in told] == [Forecast]
    assert told[0].fetched_bytes == remote.size_bytes
    # The parts' own small constants are not counted: that is what the spare room is for.
    assert max(held) < told[0].disk_bytes + 50_000
    assert told[0].disk_bytes < remote.size_bytes


@pytest.mark.parametrize("same", [True, False])
def test_a_tie_is_decided_by_the_values(
    hub: SmallHub, in_shards: Path, tmp_path: Path, same: bool
) -> None:
    edit(in_shards / "config.json", tie_word_embeddings=True)
    if same:
        copy_values(in_shards, EMBEDDING, HEAD)
    remote = publish(hub, in_shards)
    plain = pulled_export(in_shards, remote, tmp_path / "plain", Recipe())
    assert stream(remote, tmp_path / "streamed") == contents(plain)
    kinds = {row.kind for row in read_manifest(plain).matrices}
    assert ("lm_head" in kinds) is not same


def copy_values(folder: Path, name: str, other: str) -> None:
    """Overwrite one tensor by another."""
    tensors = open_checkpoint(folder).tensors
    data = open_checkpoint(folder).weight(name).data.tobytes()
    with tensors[other].file.open("r+b") as file:
        file.seek(tensors[other].offset)
        file.write(data)
