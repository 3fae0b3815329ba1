"""A killed export goes on where it stopped, and ends with the bytes of one that was not killed."""

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from killed_exports import KILLED, RECIPE, Export, Kill, contents
from ovglm.errors import ExportError
from ovglm.manifest import FILE_NAME
from ovglm.recipe import Recipe
from ovglm_export import pipeline
from ovglm_export.native import part_names
from ovglm_export.pipeline import export_checkpoint
from ovglm_export.spool import Spool
from tiny_glm import write_checkpoint

FLOAT = Recipe("bf16")
PARTS = part_names(2)


@pytest.fixture
def tiny_checkpoint(tmp_path: Path) -> Path:
    """A checkpoint that a test may change."""
    return write_checkpoint(tmp_path / "checkpoint")


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
    (("ovglm_export.parts:compressed_node", "after", 3), []),
    (("ovglm_export.spool:Spool.save", "after", 1), ["layer_001"]),
    (("ovglm_export.spool:ov.save_model", "torn", 3), ["head"]),
    (("ovglm_export.spool:Spool.save", "after", 1), ["head"]),
    (("ovglm_export.pipeline:make_golden", "after", 1), []),
    (("ovglm_export.native:ov.save_model", "torn", 3), []),
    (("ovglm_export.pipeline:join_spooled", "after", 1), []),
    (("ovglm_export.pipeline:write_manifest", "before", 1), []),
    (("ovglm_export.pipeline:write_manifest", "torn", 1), []),
    (("ovglm_export.pipeline:write_manifest", "after", 1), []),
]


@pytest.mark.slow
def test_an_export_that_is_killed_everywhere_ends_with_the_same_bytes(
    tiny_models: Any, export: Export, tmp_path: Path
) -> None:
    source, output = tiny_models.checkpoint(), tmp_path / "output"
    for kill, parts in STEPS:
        assert (kill, *export(source, output, kill)) == (kill, KILLED, parts)
        assert not output.exists()
    assert export(source, output) == (0, [])
    assert contents(output) == contents(tiny_models.export(recipe=RECIPE, verify="quick"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["output"]


def test_the_old_export_outlives_a_kill_at_any_moment_of_the_end(
    tiny_models: Any, export: Export, tmp_path: Path
) -> None:
    source, output = tiny_models.checkpoint(), tmp_path / "output"
    assert export(source, output, recipe=FLOAT)[0] == 0
    old, new = contents(output), contents(tiny_models.export(recipe=RECIPE, verify="quick"))
    rename = "ovglm_export.workspace:os.rename"

    assert export(source, output, (rename, "before", 1), force=True) == (KILLED, PARTS)
    assert contents(output) == old
    assert export(source, output, (rename, "after", 1), force=True) == (KILLED, [])
    assert not output.exists()
    # Whoever asks next, even for something else, gets the old export back first.
    code, log = export(source, output)
    assert (code, log) == (1, [f"refused: {output} is a finished export"])
    assert contents(output) == old
    assert export(source, output, (rename, "after", 1), force=True) == (KILLED, [])
    assert export(source, output, (rename, "after", 3), force=True) == (KILLED, [])
    assert contents(output) == new
    # Nothing is left to do but to clean up, and a refused export does that too.
    assert export(source, output)[0] == 1
    assert contents(output) == new
    assert sorted(path.name for path in tmp_path.iterdir()) == ["output"]


def interrupt(
    monkeypatch: pytest.MonkeyPatch,
    source: Path,
    output: Path,
    cause: BaseException | None = None,
    seen: type[BaseException] = KeyboardInterrupt,
) -> BaseException:
    """Stop the export when all parts are made, as Ctrl-C does or for another cause."""

    def stop(*_: object) -> None:
        raise cause or KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "join_spooled", stop)
        with pytest.raises(seen) as caught:
            export_checkpoint(source, output, FLOAT)
    assert not output.exists()
    assert not output.with_name("output.lock").exists()
    return caught.value


def parts_made(
    monkeypatch: pytest.MonkeyPatch, source: Path, output: Path, recipe: Recipe = FLOAT
) -> list[str]:
    """Export, and list the parts that were made."""
    made: list[str] = []
    save = Spool.save

    def logged(self: Spool, name: str, model: Any) -> None:
        made.append(name)
        save(self, name, model)

    with monkeypatch.context() as patch:
        patch.setattr(Spool, "save", logged)
        export_checkpoint(source, output, recipe)
    return made


def test_ctrl_c_keeps_the_parts(
    tiny_models: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    source, output = tiny_models.checkpoint(), tmp_path / "output"
    interrupt(monkeypatch, source, output)
    assert parts_made(monkeypatch, source, output) == []
    assert contents(output) == contents(tiny_models.export(verify="quick"))


def test_a_disk_that_fills_up_is_said_and_the_parts_are_kept(
    tiny_models: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    source, output = tiny_models.checkpoint(), tmp_path / "output"
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    error = interrupt(monkeypatch, source, output, full, ExportError)
    assert "filled up during the export" in str(error)
    assert parts_made(monkeypatch, source, output) == []
    assert contents(output) == contents(tiny_models.export(verify="quick"))


@pytest.mark.parametrize("name", ["layer_000.bin", "layer_000.xml"])
@pytest.mark.parametrize("damage", ["flip", "cut", "remove"])
def test_a_damaged_part_is_made_again(
    tiny_models: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, damage: str
) -> None:
    source, output = tiny_models.checkpoint(), tmp_path / "output"
    interrupt(monkeypatch, source, output)
    part = tmp_path / "output.partial" / "spool" / name
    data = bytearray(part.read_bytes())
    data[len(data) // 2] ^= 1
    part.write_bytes(data if damage == "flip" else data[:-1])
    if damage == "remove":
        part.unlink()
    assert parts_made(monkeypatch, source, output) == ["layer_000"]
    assert contents(output) == contents(tiny_models.export(verify="quick"))


@pytest.mark.parametrize("text", ["", "{", "[]", '{"key": 1}', '"\\ud800"'])
def test_a_damaged_journal_empties_the_spool(tmp_path: Path, text: str) -> None:
    (tmp_path / "layer_000.xml").write_text("old", encoding="utf-8")
    (tmp_path / "spool.json").write_text(text, encoding="utf-8")
    spool = Spool(tmp_path, "key")
    assert not spool.has("layer_000")
    assert list(tmp_path.iterdir()) == []


def test_the_rest_of_an_unfinished_part_is_removed(tmp_path: Path) -> None:
    spool = Spool(tmp_path, "key")
    spool.note("looked at", 1)
    rest = tmp_path / "tmp123"
    rest.mkdir()
    (rest / "values.raw").write_bytes(b"1")
    assert Spool(tmp_path, "key").noted("looked at") == 1
    assert not rest.exists()


def change_recipe(source: Path) -> Recipe:
    return Recipe("int8")


def change_weights(source: Path) -> Recipe:
    file = source / "model.safetensors"
    os.utime(file, ns=(1, 1))
    return FLOAT


def change_config(source: Path) -> Recipe:
    config = json.loads((source / "config.json").read_text(encoding="utf-8"))
    text = json.dumps({**config, "rms_norm_eps": 1e-6})
    (source / "config.json").write_text(text, encoding="utf-8")
    return FLOAT


@pytest.mark.parametrize("change", [change_recipe, change_weights, change_config])
def test_another_recipe_or_source_starts_afresh(
    tiny_checkpoint: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    change: Callable[[Path], Recipe],
) -> None:
    output = tmp_path / "output"
    interrupt(monkeypatch, tiny_checkpoint, output)
    recipe = change(tiny_checkpoint)
    assert parts_made(monkeypatch, tiny_checkpoint, output, recipe) == PARTS


def test_no_file_of_an_earlier_source_stays(
    tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    output = tmp_path / "output"
    interrupt(monkeypatch, tiny_checkpoint, output)
    assert (tmp_path / "output.partial" / "model" / "chat_template.jinja").is_file()
    file = tiny_checkpoint / "tokenizer_config.json"
    config = json.loads(file.read_text(encoding="utf-8"))
    del config["chat_template"]
    file.write_text(json.dumps(config), encoding="utf-8")
    export_checkpoint(tiny_checkpoint, output, FLOAT)
    assert not (output / "chat_template.jinja").exists()


def test_what_ran_before_in_the_process_changes_nothing(
    tiny_models: Any, export: Export, tmp_path: Path
) -> None:
    source = tiny_models.checkpoint(tie_word_embeddings=True)
    recipe = Recipe(group_size=64, symmetric=False)
    for name in ("first", "second"):
        export_checkpoint(source, tmp_path / name, recipe)
        tiny_models.export("glm4", Recipe(lm_head="int4"))
    assert export(source, tmp_path / "third", recipe=recipe)[0] == 0
    first = contents(tmp_path / "first")
    assert FILE_NAME in first
    assert contents(tmp_path / "second") == first
    assert contents(tmp_path / "third") == first
