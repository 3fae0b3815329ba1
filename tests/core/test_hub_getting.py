"""What MODEL means to a command: here first, a folder before a hub, pulled where it must be."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ovglm.errors import OvglmError
from ovglm.hub import get_model, pull_aloud
from ovglm.hub.updates import find_updates
from ovglm.manifest import Source, read_manifest, write_manifest
from ovglm.recipe import Recipe
from ovglm.stored_sources import list_sources, remove_source
from small_hub import Content, SmallHub, pattern
from stored import write_export

CONFIG = b'{"model_type": "glm"}'
WHOLE: dict[str, bytes | Content] = {"config.json": CONFIG, "model.safetensors": pattern(9000)}
SHORT, REPO = "glm-edge-1.5b-chat", "zai-org/glm-edge-1.5b-chat"


def _export(home: Path, commit: str, recipe: Recipe | None = None, **more: str) -> Path:
    folder = write_export(home / "exports" / f"{SHORT}-{commit[:4]}", SHORT, recipe)
    source = Source(SHORT, {}, REPO, commit, **more)
    write_manifest(folder, replace(read_manifest(folder), source=source))
    return folder


@pytest.mark.parametrize("name", [SHORT, REPO, "THUDM/glm-edge-1.5b-chat", "org/any"])
def test_a_name_of_a_hub_is_pulled_and_that_is_said(
    hub: SmallHub, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.add(REPO, WHOLE)
    hub.add("org/any", WHOLE)
    hub.add("THUDM/glm-edge-1.5b-chat", WHOLE, moved_to=REPO)
    model = get_model(name)
    assert not model.is_exported and (model.folder / "model.safetensors").is_file()
    said = capsys.readouterr().err
    assert "a checkpoint, 2 files, 9.0 kB" in said and str(model.folder) in said
    assert ("is called zai-org/glm-edge-1.5b-chat now" in said) == name.startswith("THUDM")


def test_what_was_pulled_is_used_without_asking(
    hub: SmallHub, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add(REPO, WHOLE)
    first = get_model(SHORT)
    hub.requests.clear()
    capsys.readouterr()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    for name in (SHORT, REPO, "THUDM/glm-edge-1.5b-chat"):
        assert get_model(name) == first
    assert hub.requests == [] and capsys.readouterr().err == ""


def test_an_export_of_the_same_model_and_recipe_is_enough(hub: SmallHub, home: Path) -> None:
    folder = _export(home, "a" * 40)
    found = get_model(SHORT, Recipe())
    assert (found.folder, found.is_exported, found.recipe) == (folder, True, Recipe())
    assert hub.requests == []


def test_an_export_in_another_format_or_of_another_commit_is_not(hub: SmallHub, home: Path) -> None:
    hub.add(REPO, WHOLE)
    _export(home, "a" * 40)
    assert not get_model(SHORT, Recipe(weights="int8")).is_exported
    assert not get_model(SHORT, Recipe()).is_exported  # the pull just made is newer than the export


def test_a_folder_of_that_name_goes_first_and_that_is_said(
    hub: SmallHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    for name in (SHORT, REPO):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        (folder / "config.json").write_text("{}")
        monkeypatch.chdir(tmp_path)
        assert get_model(name).folder == folder
        assert f"taking the folder {Path(name)}" in capsys.readouterr().err
    assert hub.requests == []


def test_what_can_be_refused_is_refused_before_a_hub_is_asked(hub: SmallHub) -> None:
    def refuse() -> None:
        raise OvglmError("no such device")

    with pytest.raises(OvglmError, match="no such device"):
        get_model(SHORT, before_pull=refuse)
    assert hub.requests == []


def test_ir_of_a_hub_needs_no_export(hub: SmallHub) -> None:
    ir = {"openvino_model.xml": b"<net/>", "openvino_model.bin": pattern(9000)}
    hub.add("org/glm-ov", {"config.json": CONFIG, "tokenizer.json": b"{}", **ir})
    assert get_model("org/glm-ov", Recipe()).is_exported


def test_offline_gives_what_is_here_and_names_what_is_not(hub: SmallHub) -> None:
    hub.add(REPO, WHOLE)
    pulled = pull_aloud(SHORT)
    assert pull_aloud(SHORT, offline=True) == pulled
    with pytest.raises(OvglmError, match="revision v2 is not on this machine"):
        pull_aloud(SHORT, revision="v2", offline=True)


def test_offline_is_for_every_command_that_would_pull(
    hub: SmallHub, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from ovglm.cli import main

    hub.add(REPO, WHOLE)
    absent = f"ovglm: {REPO} is not on this machine, and offline mode forbids to ask for it"
    lines = [[name, SHORT] for name in ("bench", "chat", "export", "pull", "serve")]
    lines += [["run", SHORT, "Hello"], ["eval", SHORT, "--perplexity", __file__]]
    for words in lines:
        assert main([*words, "--offline"]) == 1
        refused, hint = capsys.readouterr().err.splitlines()[-2:]
        assert refused == absent
        assert hint == f"try: without --offline: ovglm pull {SHORT}"
        monkeypatch.setenv("OVGLM_OFFLINE", "1")
        assert main(words) == 1
        assert f"try: unset OVGLM_OFFLINE, then: ovglm pull {SHORT}" in capsys.readouterr().err
        monkeypatch.delenv("OVGLM_OFFLINE")
    assert main(["export", SHORT, "--stream", "--offline"]) == 1
    assert "--stream asks a hub, and --offline forbids it" in capsys.readouterr().err
    assert hub.requests == []


def test_what_is_left_alone_in_a_repository_of_both_kinds_is_said(
    hub: SmallHub, capsys: pytest.CaptureFixture[str]
) -> None:
    ir = {"openvino_model.xml": b"<net/>", "openvino_model.bin": pattern(9000)}
    hub.add("org/both", {**WHOLE, **ir})
    pull_aloud("org/both")
    said = "org/both also holds OpenVINO IR: its safetensors are taken, to be exported here"
    assert said in capsys.readouterr().err.splitlines()


def test_a_source_that_is_removed_leaves_nothing_behind(hub: SmallHub, home: Path) -> None:
    hub.add(REPO, WHOLE)
    folder = pull_aloud(SHORT).folder
    assert [one.name for one in folder.parent.iterdir()] == [folder.name]
    remove_source(list_sources()[0])
    assert not folder.parent.exists()


def test_updates_tell_what_moved_on(hub: SmallHub, home: Path) -> None:
    old = hub.add(REPO, WHOLE).commit
    pull_aloud(SHORT)
    _export(home, old, hub="huggingface", followed="main")
    assert [one.state for one in find_updates()] == ["current", "current"]
    new = hub.add(REPO, {**WHOLE, "tokenizer.json": b"{}"}).commit
    for one in find_updates():
        assert (one.state, one.here, one.there, one.repo) == ("moved", old, new, REPO)
    hub.requests.clear()
    find_updates()
    assert len(hub.requests) == 1  # each branch is asked for once


def test_updates_leave_a_pinned_commit_alone_and_name_what_is_gone(hub: SmallHub) -> None:
    commit = hub.add(REPO, WHOLE).commit
    pull_aloud(SHORT, revision=commit)
    hub.add("org/gone", WHOLE)
    pull_aloud("org/gone")
    del hub.repos["org/gone"]
    states = {one.repo: one for one in find_updates()}
    assert states[REPO].state == "pinned"
    assert states["org/gone"].state == "unknown" and "has no model" in states["org/gone"].why


def test_list_updates_prints_a_row_each_and_the_next_command(
    hub: SmallHub, capsys: pytest.CaptureFixture[str]
) -> None:
    from ovglm.cli import main

    assert main(["list", "--updates"]) == 0
    assert "no model here came from a hub" in capsys.readouterr().out
    old = hub.add(REPO, WHOLE).commit
    pull_aloud(SHORT)
    new = hub.add(REPO, {**WHOLE, "tokenizer.json": b"{}"}).commit
    assert main(["list", "--updates"]) == 0
    out = capsys.readouterr().out
    assert f"{REPO}  main     {old[:8]}  {new[:8]}  moved on" in out
    assert f"try: ovglm pull {REPO}" in out
    assert main(["list", "--updates", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["updates"]
    assert (row["state"], row["here"], row["there"]) == ("moved", old, new)
