"""`ovglm inspect`: a folder's own account as a table or JSON, and the checks of its word."""

import json
import shutil
from pathlib import Path

import pytest

from ovglm.cli import main
from ovglm.manifest import FILE_NAME, read_manifest
from ovglm.recipe import Recipe
from ovglm_export.pipeline import export_checkpoint
from tiny_glm import write_checkpoint

Streams = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny export with a mixed recipe; read-only for the tests."""
    root = tmp_path_factory.mktemp("models")
    source = write_checkpoint(root / "tiny", intermediate_size=192)
    export_checkpoint(source, root / "exported", Recipe(symmetric=False))
    return root / "exported"


@pytest.fixture
def copy(exported: Path, tmp_path: Path) -> Path:
    """An export that a test may damage."""
    shutil.copytree(exported, tmp_path / "copy")
    return tmp_path / "copy"


@pytest.fixture
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal in which no line is broken."""
    monkeypatch.setenv("COLUMNS", "250")


def inspect(*arguments: object) -> int:
    """Run the command in this process."""
    return main(["inspect", *map(str, arguments)])


@pytest.mark.usefixtures("wide")
def test_the_table_answers_every_question(exported: Path, capfd: Streams) -> None:
    assert inspect(exported) == 0
    found = capfd.readouterr()
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in found.out.splitlines()]
    facts = {row[0]: row[1] for row in rows if len(row) == 2}
    manifest = read_manifest(exported)
    assert facts["model"] == "tiny (glm, dialect glm4)"
    assert facts["source"].startswith("tiny, ")
    assert facts["exported by"] == "native"
    assert facts["recipe"] == "int4-g128-asym"
    assert facts["legal on"] == "CPU, GPU"
    assert facts["not on NPU"].startswith("the NPU wants symmetric INT4")
    assert facts["context"] == "512 tokens"
    assert facts["size"].endswith(f" MB in {len(manifest.files)} files")
    assert facts["stop ids"] == "264, 271, 273"
    assert "prompts" in facts["golden tokens"]
    assert "width 192 is not a multiple of 128" in facts["note"]
    assert f"openvino {manifest.versions['openvino']}" in facts["made with"]
    matrices = {(row[0], row[1]): row[2:4] for row in rows if len(row) == 5}
    assert matrices["qkv_proj", "int4 asym g128"] == ["2", f"{2 * 512 * 128:,}"]
    assert matrices["down_proj", "int4 asym g64"] == ["2", f"{2 * 128 * 192:,}"]
    assert matrices["embed_tokens", "int8 asym per channel"] == ["1", f"{320 * 128:,}"]
    assert found.err == ""


def test_json_is_the_manifest_and_the_problems(exported: Path, capfd: Streams) -> None:
    assert inspect(exported, "--json", "--check") == 0
    found = capfd.readouterr()
    assert found.out.count("\n") == 1
    answer = json.loads(found.out)
    assert answer.pop("problems") == []
    assert answer == json.loads((exported / FILE_NAME).read_text(encoding="utf-8"))


def test_an_intact_folder_passes_the_check(exported: Path, capfd: Streams) -> None:
    assert inspect(exported, "--check") == 0
    count = len(read_manifest(exported).files)
    assert f"all {count} files are as they were exported" in capfd.readouterr().out


@pytest.mark.parametrize("name", sorted(
    ["openvino_model.bin", "openvino_model.xml", "openvino_tokenizer.bin", "tokenizer.json",
     "config.json", "generation_config.json", "chat_template.jinja"]
))  # fmt: skip
def test_a_flipped_byte_is_found_in_every_file(copy: Path, capfd: Streams, name: str) -> None:
    data = bytearray((copy / name).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / name).write_bytes(data)
    assert inspect(copy) == 0
    capfd.readouterr()
    assert inspect(copy, "--check") == 1
    problem, hint = capfd.readouterr().err.splitlines()
    assert problem == f"ovglm: {copy}: {name} has changed since the export"
    assert hint == "try: export the model again with --force"


def test_all_problems_are_counted_and_listed_as_json(copy: Path, capfd: Streams) -> None:
    (copy / "config.json").unlink()
    (copy / "tokenizer.json").write_text("{}", encoding="utf-8")
    assert inspect(copy, "--check", "--json") == 1
    found = capfd.readouterr()
    problems = json.loads(found.out)["problems"]
    assert len(problems) == 2
    assert problems[0] == "config.json is missing"
    assert found.err.splitlines()[0] == f"ovglm: {copy}: config.json is missing (and 1 more)"


def test_golden_prompts_give_the_same_tokens_again(exported: Path, capfd: Streams) -> None:
    golden = read_manifest(exported).golden
    assert golden
    assert inspect(exported, "--golden") == 0
    words = f"all {len(golden)} golden prompts give the same tokens on the CPU"
    assert words in capfd.readouterr().out


def test_another_answer_to_a_golden_prompt_is_found(copy: Path, capfd: Streams) -> None:
    raw = json.loads((copy / FILE_NAME).read_text(encoding="utf-8"))
    raw["golden"][0]["tokens"][0] ^= 1
    (copy / FILE_NAME).write_text(json.dumps(raw), encoding="utf-8")
    assert inspect(copy, "--golden") == 1
    assert "golden prompt 1 gives (" in capfd.readouterr().err


def test_a_folder_that_is_no_export_is_refused(tmp_path: Path, capfd: Streams) -> None:
    assert inspect(tmp_path) == 1
    lines = capfd.readouterr().err.splitlines()
    assert lines == [
        f"ovglm: {tmp_path} holds no {FILE_NAME}: it is no finished export",
        f"try: ovglm export CHECKPOINT -o {tmp_path}",
    ]
