"""A killed vision export goes on where it stopped, and ends with the same bytes."""

from pathlib import Path
from typing import Any

from killed_exports import KILLED, Export, Kill, contents
from ovglm.manifest import read_manifest
from ovglm_export.pipeline import ExportOptions, export_checkpoint
from vision_exports import INT8, VisionExports


def test_equal_sources_give_equal_bytes(vision: VisionExports, tmp_path: Path) -> None:
    export_checkpoint(vision.source, tmp_path / "again", INT8, ExportOptions(verify="none"))
    assert contents(tmp_path / "again") == contents(vision.export())


# Where each run in turn is killed, and the parts that it began.
STEPS: list[tuple[Kill, list[str]]] = [
    (
        ("ovglm_export.spool:Spool.save", "after", 4),
        ["embedding", "layer_000", "layer_001", "head"],
    ),
    (("ovglm_export.spool:ov.save_model", "torn", 3), ["vision_patches"]),
    (("ovglm_export.spool:Spool.save", "after", 2), ["vision_patches", "vision_layer_000"]),
    (("ovglm_export.vision.parts:compressed_node", "after", 2), []),
    (("ovglm_export.spool:Spool.save", "after", 1), ["vision_layer_001"]),
    (("ovglm_export.spool:Spool.save", "after", 1), ["vision_adapter"]),
    (("ovglm_export.vision.export:ov.save_model", "torn", 3), []),
    (("ovglm_export.pipeline:join_spooled", "after", 1), []),
    (("ovglm_export.pipeline:write_manifest", "before", 1), []),
]


def test_a_killed_export_goes_on_within_the_tower(
    vision: VisionExports, export: Export, tmp_path: Path
) -> None:
    output = tmp_path / "output"
    for kill, parts in STEPS:
        assert (kill, *export(vision.source, output, kill, recipe=INT8)) == (kill, KILLED, parts)
        assert not output.exists()
    assert export(vision.source, output, recipe=INT8) == (0, [])
    wanted = contents(vision.export())
    found = contents(output)
    assert {name: found[name] for name in wanted if name != "ovglm.json"} == {
        name: wanted[name] for name in wanted if name != "ovglm.json"
    }
    assert read_manifest(output).vision == read_manifest(vision.export()).vision


def test_other_vision_weights_make_the_tower_anew(
    vision: VisionExports, export: Export, tmp_path: Path
) -> None:
    """A half-done export in one format does not lend its parts to another."""
    output = tmp_path / "output"
    kill: Kill = ("ovglm_export.pipeline:join_spooled", "before", 1)
    assert export(vision.source, output, kill, recipe=INT8)[0] == KILLED
    options: dict[str, Any] = {"vision_weights": "bf16", "verify": "none"}
    export_checkpoint(vision.source, output, INT8, ExportOptions(**options))
    name = "openvino_vision_embeddings_model.bin"
    assert (output / name).read_bytes() == (vision.export(INT8, "bf16") / name).read_bytes()
