"""`ovglm export` as a person or a program meets it: two streams, an exit code and a folder."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from export_calls import Streams, export, refuse
from ovglm.cli import main
from ovglm.manifest import FILE_NAME, check_files, read_manifest
from ovglm_export import command, pipeline
from tiny_glm import write_checkpoint


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny checkpoint; read-only for the tests."""
    return write_checkpoint(tmp_path_factory.mktemp("models") / "tiny")


def test_the_summary_says_what_was_made_and_what_to_do_next(
    checkpoint: Path, tmp_path: Path, capfd: Streams
) -> None:
    output = tmp_path / "output"
    assert export(checkpoint, "-o", output) == 0
    found = capfd.readouterr()
    what, how_good, where, then = found.out.splitlines()
    assert what.startswith("tiny: int4-g128, ")
    assert what.endswith(" s, for CPU, GPU, NPU")
    assert how_good.startswith("against the checkpoint: KL 0.0")
    assert where == str(output)
    assert then == f'try: ovglm run {output} "Hello"'
    assert found.err == ""
    manifest = read_manifest(output)
    assert (manifest.model, manifest.exporter, manifest.family) == ("tiny", "native", "glm")
    assert check_files(output, manifest) == []
    assert [path.name for path in tmp_path.iterdir()] == ["output"]


def test_json_is_one_object_and_nothing_else(
    checkpoint: Path, tmp_path: Path, capfd: Streams
) -> None:
    output = tmp_path / "output"
    assert export(checkpoint, "-o", output, "--json", "--weights", "int8", "--asym") == 0
    found = capfd.readouterr()
    assert found.out.count("\n") == 1
    answer = json.loads(found.out)
    assert found.err == ""
    assert answer.pop("output") == str(output)
    assert answer.pop("seconds") > 0
    assert answer == json.loads((output / FILE_NAME).read_text(encoding="utf-8"))
    assert answer["recipe"]["weights"] == "int8"
    assert answer["recipe"]["symmetric"] is False


def test_without_an_output_the_store_takes_it(checkpoint: Path, home: Path, capfd: Streams) -> None:
    assert export(checkpoint, "--weights", "bf16", "--json") == 0
    output = Path(json.loads(capfd.readouterr().out)["output"])
    assert output.parent == home / "exports"
    assert output.name.startswith("tiny-bf16-")
    assert [path.name for path in output.parent.iterdir()] == [output.name]
    assert main(["list", "--json"]) == 0
    assert output.name in capfd.readouterr().out
    refuse(capfd, f"{output} is a finished export", checkpoint, "--weights", "bf16")


@pytest.mark.parametrize(
    ("options", "recipe"),
    [
        ([], {}),
        (["--sym", "--group-size", "64"], {"group_size": 64}),
        (["--group-size", "-1"], {"group_size": -1}),
        (["--asym", "--lm-head", "int4"], {"symmetric": False, "lm_head": "int4"}),
        (["--ratio", "0.5", "--backup", "none"], {"ratio": 0.5, "backup": "none"}),
        (["--weights", "bf16"], {"weights": "bf16"}),
    ],
)
def test_options_become_the_recipe(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str],
    recipe: dict[str, Any],
) -> None:  # fmt: skip
    asked = []

    def look(source: Path, output: Path, wanted: Any, told: Any) -> None:
        asked.append(wanted)
        raise KeyboardInterrupt

    monkeypatch.setattr(pipeline, "export_checkpoint", look)
    assert export(checkpoint, "-o", tmp_path / "x", *options) == 130
    default = {"weights": "int4", "group_size": 128, "symmetric": True, "ratio": 1.0}
    default |= {"backup": "int8_asym", "lm_head": "int8", "quality": "fast", "methods": ()}
    default |= {"calibration": "builtin", "samples": 32, "sample_length": 512}
    assert asked[0].to_dict() == {**default, **recipe}


def test_a_width_that_forces_another_group_is_said_aloud(tmp_path: Path, capfd: Streams) -> None:
    source = write_checkpoint(tmp_path / "source", intermediate_size=192, num_hidden_layers=1)
    assert export(source, "-o", tmp_path / "output") == 0
    found = capfd.readouterr()
    assert "down_proj: width 192 is not a multiple of 128, so it is int4 sym g64" in found.err
    assert found.out.splitlines()[0].endswith(", for CPU, GPU")


def test_a_large_model_for_the_npu_gets_one_scale_per_channel(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Streams
) -> None:
    monkeypatch.setattr(command, "_LARGE_FOR_NPU", 1000)
    assert export(checkpoint, "-o", tmp_path / "output", "--device", "NPU", "--json") == 0
    found = capfd.readouterr()
    assert json.loads(found.out)["recipe"]["group_size"] == -1
    assert found.err == "more than 5 B weights: one scale per channel for the NPU\n"


def test_force_replaces_an_export(checkpoint: Path, tmp_path: Path, capfd: Streams) -> None:
    output = tmp_path / "output"
    assert export(checkpoint, "-o", output, "--weights", "bf16") == 0
    capfd.readouterr()
    refuse(capfd, "is a finished export", checkpoint, "-o", output, "--weights", "int8")
    assert read_manifest(output).recipe.weights == "bf16"
    assert export(checkpoint, "-o", output, "--weights", "int8", "--force") == 0
    assert read_manifest(output).recipe.weights == "int8"
    capfd.readouterr()
    refuse(capfd, "is an exported folder, not a checkpoint", output)


def test_what_can_be_mended_is_two_lines_and_exit_1(
    checkpoint: Path, tmp_path: Path, capfd: Streams
) -> None:
    output = tmp_path / "output"
    refuse(capfd, "the NPU wants symmetric", checkpoint, "-o", output, "--asym", "--device", "NPU")
    refuse(capfd, "ratio 2.0 is not", checkpoint, "-o", output, "--ratio", 2)
    refuse(capfd, "group size 8 is neither", checkpoint, "-o", output, "--group-size", 8)
    refuse(capfd, "is neither a folder here nor", tmp_path / "nowhere", "-o", output)
    broken = tmp_path / "broken"
    shutil.copytree(checkpoint, broken)
    (broken / "model.safetensors").write_bytes(b"")
    refuse(capfd, "model.safetensors claims a header of 0 bytes", broken, "-o", output)
    assert [path.name for path in tmp_path.iterdir()] == ["broken"]


@pytest.mark.parametrize(
    "options",
    [[], ["--weights", "int3"], ["--device", "TPU"], ["--group-size", "x"], ["--sym", "--asym"],
     ["--backup", "int4"], ["--exporter", "onnx"], ["more"]],
)  # fmt: skip
def test_a_wrong_use_is_exit_2(
    checkpoint: Path, tmp_path: Path, capfd: Streams, options: list[str]
) -> None:
    arguments = [str(checkpoint), "-o", str(tmp_path / "output"), *options] if options else []
    with pytest.raises(SystemExit) as caught:
        export(*arguments)
    assert caught.value.code == 2
    assert len(capfd.readouterr().err.splitlines()) == 2
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_says_that_the_work_is_kept(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Streams
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(pipeline, "join_spooled", stop)
    assert export(checkpoint, "-o", tmp_path / "output") == 130
    found = capfd.readouterr()
    assert found.out == ""
    assert found.err == (
        "ovglm: the finished parts are kept; the same command goes on\novglm: stopped\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["output.partial"]
