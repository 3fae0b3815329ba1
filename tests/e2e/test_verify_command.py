"""`ovglm verify`: figures as a table, JSON, a chart, in the manifest; wrong pairs are refused."""

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from ovglm.cli import main
from ovglm.manifest import FILE_NAME, read_manifest, write_manifest
from ovglm.recipe import Recipe
from ovglm_export.pipeline import ExportOptions, export_checkpoint
from tiny_glm import make_config, write_checkpoint, write_json

Streams = pytest.CaptureFixture[str]
PNG = b"\x89PNG"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny checkpoint `tiny` and its export, not verified; read-only."""
    root = tmp_path_factory.mktemp("models")
    source = write_checkpoint(root / "tiny")
    export_checkpoint(source, root / "exported", Recipe(), ExportOptions(verify="none"))
    return root


@pytest.fixture
def export(models: Path, tmp_path: Path) -> Path:
    """An export of its own, away from its checkpoint."""
    shutil.copytree(models / "exported", tmp_path / "export")
    return tmp_path / "export"


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def verify(*arguments: object) -> int:
    return main(["verify", *map(str, arguments)])


def refuse(streams: Streams, words: str, *arguments: object) -> str:
    """Expect two lines on stderr, nothing on stdout, and exit 1; give the hint."""
    assert verify(*arguments) == 1
    found = streams.readouterr()
    assert found.out == ""
    lines = found.err.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("ovglm: ") and words in lines[0]
    return lines[1].removeprefix("try: ")


def test_the_table_fits_and_the_manifest_keeps_the_figures(
    models: Path, export: Path, capfd: Streams
) -> None:
    assert read_manifest(export).verification is None
    assert verify(export, "--against", models / "tiny", "--quick") == 0
    found = capfd.readouterr()
    assert found.err == ""
    lines = found.out.splitlines()
    assert max(map(len, lines)) <= 80
    kinds = ["prose", "dialogue", "code", "arithmetic", "tools"]
    names = [f"{language} {kind}" for language in ("en", "zh") for kind in kinds]
    assert all(any(line.startswith(name) for line in lines) for name in (*names, "all"))
    assert "…" not in found.out
    kept = read_manifest(export).verification
    assert kept is not None and kept.level == "quick"
    assert f"{kept.total.tokens:,}" in next(line for line in lines if line.startswith("all"))
    assert main(["inspect", str(export), "--check"]) == 0
    shown = capfd.readouterr().out
    assert all(line in shown for line in lines if line)


def test_json_is_one_object_and_equals_the_manifest(
    models: Path, export: Path, capfd: Streams
) -> None:
    assert verify(export, "--against", models / "tiny", "--quick", "--json", "--exact") == 0
    found = capfd.readouterr()
    assert found.out.count("\n") == 1 and found.err == ""
    answer = json.loads(found.out)
    assert answer.pop("folder") == str(export)
    assert answer.pop("seconds") > 0
    assert answer["activations"] == "float32"
    assert answer == json.loads((export / FILE_NAME).read_text(encoding="utf-8"))["verification"]


def test_equal_runs_give_equal_manifests(models: Path, export: Path, capfd: Streams) -> None:
    texts = []
    for _ in range(2):
        assert verify(export, "--against", models / "tiny", "--quick") == 0
        texts.append((export / FILE_NAME).read_bytes())
    assert texts[0] == texts[1]


def test_the_checkpoint_beside_an_export_is_found(models: Path, capfd: Streams) -> None:
    shutil.copytree(models / "exported", models / "again")
    assert verify(models / "again", "--quick", "--json") == 0


def test_the_chart_is_a_png(models: Path, export: Path, tmp_path: Path, capfd: Streams) -> None:
    chart = tmp_path / "layers.png"
    assert verify(export, "--against", models / "tiny", "--quick", "--plot", chart) == 0
    assert chart.read_bytes().startswith(PNG)


def test_a_chart_that_cannot_be_drawn_is_refused_before_the_work(
    models: Path, export: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Streams
) -> None:
    pair = (export, "--against", models / "tiny")
    hint = refuse(capfd, "there is no folder", *pair, "--plot", tmp_path / "no" / "x.png")
    assert hint == "--plot x.png"
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    hint = refuse(capfd, "--plot needs matplotlib", *pair, "--plot", tmp_path / "x.png")
    assert hint == 'pip install "ovglm[bench]"'
    assert read_manifest(export).verification is None


def test_without_its_checkpoint_the_user_is_asked_for_it(export: Path, capfd: Streams) -> None:
    hint = refuse(capfd, "the checkpoint of", export)
    assert hint == f"ovglm verify {export} --against CHECKPOINT"


def test_another_checkpoint_is_refused(
    models: Path, export: Path, tmp_path: Path, capfd: Streams
) -> None:
    other = write_checkpoint(tmp_path / "other", seed=1)
    refuse(capfd, "it differs in model.safetensors", export, "--against", other)
    shutil.copytree(models / "tiny", tmp_path / "words")
    file = tmp_path / "words" / "tokenizer.json"
    document = json.loads(file.read_text(encoding="utf-8"))
    document["model"]["merges"] = document["model"]["merges"][:-1]
    write_json(file, document)
    refuse(capfd, "its tokenizer differs in tokenizer.json", export, "--against", file.parent)
    refuse(capfd, "is neither a folder here nor", export, "--against", tmp_path / "nowhere")
    refuse(capfd, "is an exported folder, not a checkpoint", export, "--against", export)


def test_a_full_disk_is_refused_before_the_work(
    models: Path, export: Path, monkeypatch: pytest.MonkeyPatch, capfd: Streams
) -> None:
    full = shutil.disk_usage(export)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    hint = refuse(
        capfd, "MB are needed, 0 are free", export, "--against", models / "tiny", "--quick"
    )
    assert hint.endswith("or add --quick")


def test_what_is_no_export_is_refused(models: Path, export: Path, capfd: Streams) -> None:
    hint = refuse(capfd, "is a checkpoint, not an exported folder", models / "tiny")
    assert hint == f"ovglm export {models / 'tiny'}"
    with (export / "openvino_model.bin").open("r+b") as stream:
        stream.write(b"x")
    refuse(capfd, "openvino_model.bin has changed", export, "--against", models / "tiny")


def test_a_folder_of_another_tool_is_verified_against_a_named_checkpoint(
    models: Path, export: Path, tmp_path: Path, capfd: Streams
) -> None:
    (export / FILE_NAME).unlink()
    hint = refuse(capfd, f"has no {FILE_NAME}, so nothing tells", export)
    assert hint == f"ovglm verify {export} --against CHECKPOINT"
    assert verify(export, "--against", models / "tiny", "--quick", "--json") == 0
    found = capfd.readouterr()
    assert json.loads(found.out)["total"]["kl_mean"] > 0
    assert "so the figures are not kept" in found.err
    assert not (export / FILE_NAME).exists()
    wide = write_checkpoint(tmp_path / "wide", hidden_size=192)
    refuse(capfd, "its hidden_size is 128, not 192", export, "--against", wide)
    file = export / "tokenizer.json"
    document = json.loads(file.read_text(encoding="utf-8"))
    document["model"]["merges"] = []
    write_json(file, document)
    refuse(capfd, "write the same text with other token ids", export, "--against", models / "tiny")


def test_a_foreign_graph_that_cannot_be_cut_is_refused(
    models: Path, export: Path, tmp_path: Path, capfd: Streams
) -> None:
    (export / FILE_NAME).unlink()
    (export / "config.json").unlink()
    deeper = write_checkpoint(tmp_path / "deeper", num_hidden_layers=3)
    write_json(export / "config.json", make_config(num_hidden_layers=3))
    refuse(capfd, "is no graph of 3 layers", export, "--against", deeper)


def test_a_manifest_of_an_older_ovglm_is_read_and_completed(
    models: Path, export: Path, capfd: Streams
) -> None:
    file = export / FILE_NAME
    raw = json.loads(file.read_text(encoding="utf-8"))
    del raw["verification"]
    write_json(file, raw)
    assert main(["inspect", str(export)]) == 0
    assert "no: ovglm verify" in capfd.readouterr().out
    assert verify(export, "--against", models / "tiny", "--quick") == 0
    manifest = read_manifest(export)
    assert manifest.verification is not None
    write_manifest(export, replace(manifest, verification=None))
    assert json.loads(file.read_text(encoding="utf-8")) == {**raw, "verification": None}
