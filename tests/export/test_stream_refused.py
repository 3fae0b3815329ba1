"""What cannot be streamed is refused before a shard is fetched, and nothing is left behind."""

import os
from pathlib import Path
from typing import Any

import pytest

from killed_exports import contents
from ovglm.errors import ExportError, OvglmError
from ovglm.hub import RemoteModel
from ovglm.manifest import read_manifest
from ovglm.recipe import Recipe
from ovglm_export import workspace
from ovglm_export.pipeline import ExportOptions
from ovglm_export.streaming import stream_checkpoint
from refusals import edit, poison, rewrite, snapshot
from small_hub import SmallHub
from streamed import publish, shards_of, stream

HEAD = "lm_head.weight"


def refuse(hub: SmallHub, in_shards: Path, words: str, **wishes: Any) -> None:
    """Streaming fails with these words, fetches no shard and leaves nothing."""
    remote, output = publish(hub, in_shards), in_shards.parent / "new" / "output"
    before, recipe = snapshot(in_shards.parent), wishes.pop("recipe", Recipe())
    with pytest.raises(OvglmError) as caught:
        stream_checkpoint(remote, output, recipe, ExportOptions(**wishes))
    assert words in caught.value.message
    assert caught.value.hint
    assert snapshot(in_shards.parent) == before
    assert all(hub.served[file.name] < 20_000 for file in shards_of(in_shards))


def test_a_config_that_does_not_fit_is_refused(hub: SmallHub, in_shards: Path) -> None:
    edit(in_shards / "config.json", intermediate_size=512)
    refuse(hub, in_shards, "but config.json asks for [")
    edit(in_shards / "config.json", num_hidden_layers=4)
    refuse(hub, in_shards, "has no tensor model.layers.3.")


def test_a_damaged_header_is_refused(hub: SmallHub, in_shards: Path) -> None:
    rewrite(shards_of(in_shards)[2], lambda table: table.popitem())
    refuse(hub, in_shards, "bytes behind its last tensor")
    shards_of(in_shards)[2].write_bytes(b"\xff" * 100)
    refuse(hub, in_shards, "claims a header of")


def test_what_needs_all_weights_is_refused(hub: SmallHub, in_shards: Path) -> None:
    refuse(hub, in_shards, "--ratio 0.5 compares all weights", recipe=Recipe(ratio=0.5))
    refuse(hub, in_shards, "calibration runs the layers in", recipe=Recipe(quality="balanced"))
    refuse(hub, in_shards, "--exporter optimum reads the whole", exporter="optimum")


def test_a_recipe_that_the_device_cannot_run_is_refused(hub: SmallHub, in_shards: Path) -> None:
    refuse(hub, in_shards, "the NPU wants symmetric", recipe=Recipe(symmetric=False), device="NPU")


def test_finished_ir_is_refused(hub: SmallHub, tmp_path: Path) -> None:
    remote = RemoteModel("huggingface", "org/ir", "0" * 40, (), "ir")
    with pytest.raises(ExportError, match="org/ir holds OpenVINO IR already"):
        stream_checkpoint(remote, tmp_path / "output", Recipe())
    assert list(tmp_path.iterdir()) == []


def test_a_finished_export_is_not_overwritten(
    hub: SmallHub, in_shards: Path, tmp_path: Path
) -> None:
    remote, output = publish(hub, in_shards), tmp_path / "output"
    old = stream(remote, output)
    with pytest.raises(ExportError, match="is a finished export"):
        stream_checkpoint(remote, output, Recipe("int8"))
    assert contents(output) == old
    stream_checkpoint(remote, output, Recipe("int8"), ExportOptions(force=True))
    assert read_manifest(output).recipe.weights == "int8"


def test_a_disk_that_is_too_small_is_refused(
    hub: SmallHub, in_shards: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr(workspace.shutil, "disk_usage", lambda _: usage)
    refuse(hub, in_shards, "GB of disk at ")


def test_an_infinity_is_found_when_its_layer_is_here(
    hub: SmallHub, in_shards: Path, tmp_path: Path
) -> None:
    last = shards_of(in_shards)[-1]
    poison(last, HEAD, 0x7F80)
    with pytest.raises(OvglmError, match=f"tensor {HEAD} in {last.name} holds NaN or Inf"):
        stream_checkpoint(publish(hub, in_shards), tmp_path / "output", Recipe())
    assert os.listdir(tmp_path) == ["source"]
