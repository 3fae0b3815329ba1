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
from stored import COMMIT, write_export, write_source


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
    lines = lines[1 : lines.index("")]
    rows = dict(zip(map(str.strip, lines[::2]), lines[1::2], strict=True))
    assert all(len(line) <= 80 for line in lines)
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


def test_list_shows_what_was_pulled(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_source(home)
    write_source(home, commit="f" * 40, is_complete=False)
    assert _run("list") == 0
    text = capsys.readouterr().out
    whole, half = (line for line in text.splitlines() if "zai-org/GLM-4-9B-0414@" in line)
    assert "504 bytes" in whole and whole.endswith("huggingface")
    assert half.endswith("unfinished")
    assert _run("list", "--json") == 0
    sources = json.loads(capsys.readouterr().out)["sources"]
    one = next(one for one in sources if one["commit"] == COMMIT)
    assert (one["repository"], one["folder"]) == ("zai-org/GLM-4-9B-0414", str(folder))
    assert one["is_complete"]


def test_rm_removes_a_source_by_its_short_name(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_source(home)
    assert _run("rm", "glm-4-9b-0414", "--yes") == 0
    assert f"removed {folder} " in capsys.readouterr().out
    assert not folder.exists()


def test_rm_of_a_name_that_a_source_and_an_export_have_names_both(home: Path) -> None:
    source = write_source(home)
    export = write_export(home / "exports" / "e", model="glm-4-9b-0414")
    with pytest.raises(
        OvglmError, match="2 things here are of glm-4-9b-0414: e, zai-org"
    ) as caught:
        _run("rm", "glm-4-9b-0414", "--yes")
    assert caught.value.hint == "ovglm rm e"
    assert source.is_dir() and export.is_dir()
    assert _run("rm", "zai-org/GLM-4-9B-0414", "--yes") == 0
    assert export.is_dir() and not source.exists()


def test_rm_of_an_unknown_name_offers_the_nearest(home: Path) -> None:
    for name in ("glm-edge", "glm-edge-4b", "nano"):
        write_export(home / "exports" / f"{name}-int4", model=name)
    with pytest.raises(OvglmError, match="near it: glm-edge-4b, glm-edge, ") as caught:
        _run("rm", "glm-edge-4")
    assert caught.value.hint == "ovglm rm glm-edge-4b"


def test_store_shows_the_usage_and_what_could_go(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_source(home, is_complete=False)
    write_export(home / "exports" / "glm")
    assert _run("store") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == str(home)
    rows = {line.split()[0]: line.split() for line in lines[1:5]}
    assert rows["exports"][1] == "1" and rows["unfinished"][1:4] == ["1", "502", "bytes"]
    assert "are free" in lines[5]
    assert "ovglm store --prune would free 502 bytes:" in lines
    assert max(map(len, lines)) <= 80
    assert _run("store", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["usage"]["unfinished"] == {"count": 1, "size_bytes": 502}
    assert [one["kind"] for one in told["waste"]] == ["unfinished"]


@pytest.mark.parametrize(("answer", "stays"), [("y\n", False), ("\n", True)])
def test_prune_shows_and_asks(
    answer: str,
    stays: bool,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = write_source(home, is_complete=False)
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    assert _run("store", "--prune") == 0
    assert folder.exists() == stays
    output = capsys.readouterr()
    assert "zai-org/GLM-4-9B-0414@" in output.out
    assert "delete 1 thing (502 bytes)? [y/N]" in output.err
    assert ("freed 502 bytes" in output.out) != stays


def test_prune_without_a_person_wants_yes(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_source(home, is_complete=False)
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    with pytest.raises(OvglmError, match="nobody is here") as caught:
        _run("store", "--prune")
    assert caught.value.hint == "ovglm store --prune --yes"
    assert folder.is_dir()


def test_a_dry_run_deletes_nothing(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_source(home, is_complete=False)
    assert _run("store", "--prune", "--dry-run") == 0
    assert "1 thing could go: 502 bytes" in capsys.readouterr().out
    assert folder.is_dir()
    assert _run("store", "--prune", "--yes", "--json") == 0
    assert json.loads(capsys.readouterr().out)["removed"] == [str(folder)]
    assert not folder.exists()


def test_prune_of_a_tidy_store_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("store", "--prune") == 0
    assert capsys.readouterr().out == "nothing is unused\n"


@pytest.mark.parametrize("flag", ["--dry-run", "--yes"])
def test_an_option_of_prune_without_it_is_refused(flag: str) -> None:
    with pytest.raises(OvglmError, match=f"{flag} has no effect without --prune"):
        _run("store", flag)


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
