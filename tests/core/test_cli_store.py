"""`ovglm list`, `rm` and `cache`: what a person and a program read."""

import io
import json
from importlib import import_module
from pathlib import Path

import pytest

from ovglm.cli.parser import Parser
from ovglm.compiled_cache import CompiledCache, compiled_folder
from ovglm.errors import OvglmError
from ovglm.recipe import Recipe
from ovglm.stored_exports import mark_used
from stored import write_export


class Terminal(io.StringIO):
    """A stdin with a person before it."""

    def isatty(self) -> bool:
        return True


def _run(command: str, *arguments: str) -> int:
    module = import_module(f"ovglm.cli.{command}")
    parser = Parser()
    module.add_arguments(parser)
    return module.run(parser.parse_args(arguments))


def test_list_shows_name_size_recipe_devices_and_last_use(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_export(home / "exports" / "old-int8", recipe=Recipe(weights="int8"))
    mark_used(write_export(home / "exports" / "new-int4"))
    (home / "exports" / "half.partial").mkdir()
    assert _run("list") == 0
    lines = capsys.readouterr().out.split("exported on this machine")[1].splitlines()
    rows = {line.split()[0]: line for line in lines[1:]}
    assert " kB " in rows["old-int8"] and "CPU, GPU " in rows["old-int8"]
    assert "int8 " in rows["old-int8"] and rows["old-int8"].endswith("never")
    assert "int4-g128" in rows["new-int4"] and "CPU, GPU, NPU" in rows["new-int4"]
    assert "never" not in rows["new-int4"]
    assert "unfinished" in rows["half.partial"]


def test_list_as_json_has_the_same_facts(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_export(home / "exports" / "glm-int4")
    mark_used(folder)
    assert _run("list", "--json") == 0
    (one,) = json.loads(capsys.readouterr().out)["exported"]
    assert one.pop("last_used").startswith("20")
    assert one.pop("size_bytes") > 1000
    assert one == {
        "name": "glm-int4",
        "folder": str(folder),
        "model": "glm",
        "recipe": "int4-g128",
        "devices": ["CPU", "GPU", "NPU"],
        "is_complete": True,
    }


@pytest.mark.parametrize(("answer", "stays"), [("y\n", False), ("no\n", True), ("", True)])
def test_rm_asks_a_person(
    answer: str,
    stays: bool,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = write_export(home / "exports" / "glm")
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    assert _run("rm", "glm") == 0
    assert folder.exists() == stays
    output = capsys.readouterr()
    assert f"remove {folder}" in output.err
    assert ("removed" in output.out) != stays


def test_rm_without_a_person_wants_yes(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_export(home / "exports" / "glm")
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    with pytest.raises(OvglmError, match="nobody is here") as caught:
        _run("rm", "glm")
    assert caught.value.hint == "ovglm rm glm --yes"
    assert folder.exists()


def test_rm_with_yes_removes_at_once(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_export(home / "exports" / "glm")
    assert _run("rm", "glm", str(folder), "--yes", "--json") == 0
    assert not folder.exists()
    (removed,) = json.loads(capsys.readouterr().out)["removed"]
    assert removed["folder"] == str(folder)


def test_rm_removes_nothing_when_one_name_is_wrong(home: Path) -> None:
    folder = write_export(home / "exports" / "glm")
    with pytest.raises(OvglmError, match="'gml'"):
        _run("rm", "glm", "gml", "--yes")
    assert folder.exists()


def test_cache_lists_and_clears(capsys: pytest.CaptureFixture[str]) -> None:
    with CompiledCache(compiled_folder()).open({"device": "NPU"}, model="nano") as entry:
        (entry.folder / "0.blob").write_bytes(b"x" * 2500)
        entry.seal()
    assert _run("cache", "list") == 0
    text = capsys.readouterr().out
    assert "1 compiled model, 2.5 kB" in text
    assert "nano" in text and "NPU" in text
    assert _run("cache", "list", "--json") == 0
    listed = json.loads(capsys.readouterr().out)
    assert listed["size_bytes"] == 2500
    assert listed["models"][0]["facts"] == {"device": "NPU"}
    assert _run("cache", "clear") == 0
    assert "deleted 1 compiled model (2.5 kB)" in capsys.readouterr().out
    assert _run("cache", "clear", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"removed": 0, "left": 0, "freed_bytes": 0}


def test_cache_looks_into_another_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run("cache", "list", "--cache-dir", str(tmp_path / "none")) == 0
    assert f"0 compiled models, 0 bytes, in {tmp_path / 'none'}" in capsys.readouterr().out
    assert not (tmp_path / "none").exists()
