"""An export writes beside its output, alone, and costs the user nothing that it did not say."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ovglm.errors import ExportError
from ovglm.manifest import FILE_NAME
from ovglm.recipe import Recipe
from ovglm_export import pipeline, workspace
from ovglm_export.pipeline import ExportOptions, export_checkpoint
from ovglm_export.workspace import (
    Workspace,
    check_disk,
    check_output,
    open_workspace,
    recover_output,
)
from refusals import needs_links, snapshot

FLOAT = Recipe("bf16")


def write(folder: Path, name: str, text: str = "x") -> Path:
    """Write a small file."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    return folder


def refuse(root: Path, words: str, action: Callable[[], object]) -> None:
    """Expect one sentence with these words and a hint, and no trace below root."""
    before = snapshot(root)
    with pytest.raises(ExportError) as caught:
        action()
    assert words in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.hint
    assert snapshot(root) == before


@pytest.fixture
def export(tiny_models: Any) -> Callable[..., object]:
    """Export a tiny checkpoint to a folder."""
    source = tiny_models.checkpoint()
    return lambda output, **told: export_checkpoint(source, output, FLOAT, ExportOptions(**told))


# The output


def test_a_finished_export_is_not_replaced_unasked(
    tmp_path: Path, export: Callable[..., object]
) -> None:
    output = write(tmp_path / "output", FILE_NAME)
    refuse(tmp_path, f"{output} is a finished export", lambda: export(output))


def test_force_replaces_a_finished_export(tmp_path: Path, export: Callable[..., object]) -> None:
    output = write(write(tmp_path / "output", FILE_NAME), "old.bin")
    export(output, force=True)
    assert not (output / "old.bin").exists()
    assert (output / "openvino_model.bin").is_file()
    assert [path.name for path in tmp_path.iterdir()] == ["output"]


@pytest.mark.parametrize("force", [False, True])
def test_a_folder_of_other_files_is_never_touched(
    tmp_path: Path, export: Callable[..., object], force: bool
) -> None:
    output = write(tmp_path / "output", "letter.txt")
    words = f"{output} holds files that are no export of ovglm"
    refuse(tmp_path, words, lambda: export(output, force=force))


@pytest.mark.parametrize("force", [False, True])
def test_a_file_is_no_output(tmp_path: Path, export: Callable[..., object], force: bool) -> None:
    write(tmp_path, "file")
    for output in (tmp_path / "file", tmp_path / "file" / "below" / "it"):
        words = f"{tmp_path / 'file'} is a file, not a folder"
        refuse(tmp_path, words, lambda path=output: export(path, force=force))


def test_an_empty_folder_is_filled(tmp_path: Path, export: Callable[..., object]) -> None:
    (tmp_path / "output").mkdir()
    export(tmp_path / "output")
    assert (tmp_path / "output" / FILE_NAME).is_file()
    assert [path.name for path in tmp_path.iterdir()] == ["output"]


@needs_links
def test_a_link_stays_a_link(tmp_path: Path, export: Callable[..., object]) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "disk", target_is_directory=True)
    export(tmp_path / "link" / "output")
    (tmp_path / "output").symlink_to(tmp_path / "disk" / "output", target_is_directory=True)
    export(tmp_path / "output", force=True)
    assert (tmp_path / "output").is_symlink()
    assert (tmp_path / "disk" / "output" / FILE_NAME).is_file()
    assert [path.name for path in (tmp_path / "disk").iterdir()] == ["output"]


@pytest.mark.parametrize("force", [False, True])
def test_the_checkpoint_itself_is_no_output(tiny_models: Any, tmp_path: Path, force: bool) -> None:
    above = write(tmp_path / "above", FILE_NAME)
    source, told = above / "checkpoint", ExportOptions(force=force)
    shutil.copytree(tiny_models.checkpoint(), source)
    for output in (source, above):
        words = f"{output} holds the checkpoint itself"
        refuse(tmp_path, words, lambda path=output: export_checkpoint(source, path, FLOAT, told))


@pytest.mark.parametrize("place", ["", "output"])
def test_a_folder_without_write_permission_is_refused(
    tmp_path: Path, export: Callable[..., object], monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    output = write(tmp_path / "output", FILE_NAME)
    forbidden = tmp_path / place
    # Root may write everywhere, so the answer of the system is replaced.
    access = os.access
    monkeypatch.setattr(
        workspace.os, "access", lambda path, mode: path != forbidden and access(path, mode)
    )
    words = f"{forbidden} is not writable"
    refuse(tmp_path, words, lambda: export(output, force=True))
    if not place:
        refuse(tmp_path, words, lambda: export(tmp_path / "a" / "b"))


# The disk


def free(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """Let the disk have so many bytes."""
    usage = SimpleNamespace(total=count, used=0, free=count)
    monkeypatch.setattr(workspace.shutil, "disk_usage", lambda path: usage)


def test_too_little_disk_is_refused(
    tmp_path: Path, export: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    output = write(tmp_path / "output", FILE_NAME)
    free(monkeypatch, 200 << 20)
    words = "GB of disk at "
    refuse(tmp_path, words, lambda: export(output, force=True))
    refuse(tmp_path, words, lambda: export(tmp_path / "a" / "b"))


def test_the_disk_must_hold_what_the_workspace_will(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spare = 200 << 20
    free(monkeypatch, 2_000_000_000 + spare)
    check_disk(tmp_path / "output", 2_000_000_000)
    free(monkeypatch, 2_000_000_000 + spare - 1)
    with pytest.raises(ExportError, match=r"needs 2\.2 GB of disk at .*, 2\.2 GB are free"):
        check_disk(tmp_path / "output", 2_000_000_000)


def test_what_an_interrupted_export_has_written_is_not_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "output.partial" / "spool", "layer_000.bin", "x" * 1000)
    free(monkeypatch, (200 << 20) + 1000)
    check_disk(tmp_path / "output", 2000)
    with pytest.raises(ExportError):
        check_disk(tmp_path / "output", 2001)


# One writer


def test_a_second_export_to_the_same_output_is_refused(
    tmp_path: Path, export: Callable[..., object]
) -> None:
    with open_workspace(tmp_path / "output"):
        refuse(tmp_path, "is running", lambda: export(tmp_path / "output"))
        export(tmp_path / "other")
    export(tmp_path / "output")


def test_a_lock_that_a_killed_export_left_is_no_obstacle(tmp_path: Path) -> None:
    write(tmp_path, "output.lock", "")
    with open_workspace(tmp_path / "output") as space:
        space.discard()
    assert list(tmp_path.iterdir()) == []


def test_folders_above_the_output_are_removed_again_only_when_they_were_made_here(
    tmp_path: Path,
) -> None:
    (tmp_path / "mine").mkdir()
    with open_workspace(tmp_path / "mine" / "a" / "b" / "output") as space:
        space.discard()
    assert [path.name for path in tmp_path.rglob("*")] == ["mine"]


# The end


def finished(output: Path) -> Workspace:
    """Make a workspace whose model is complete, before an older export."""
    space = Workspace(output)
    write(output, FILE_NAME, "old")
    write(space.model, FILE_NAME, "new")
    write(space.spool, "layer_000.bin")
    return space


def text_of(output: Path) -> str:
    """Read the manifest's stand-in."""
    return (output / FILE_NAME).read_text(encoding="utf-8")


def test_the_end_replaces_the_output_and_leaves_nothing(tmp_path: Path) -> None:
    finished(tmp_path / "output").finish()
    assert text_of(tmp_path / "output") == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["output"]


@pytest.mark.parametrize("call", [1, 2])
def test_a_folder_that_is_in_use_stays_and_so_does_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    space = finished(tmp_path / "output")
    rename, calls = os.rename, []

    def refuse_once(old: Path, new: Path) -> None:
        calls.append(old)
        if len(calls) == call:
            raise PermissionError(13, "Permission denied")
        rename(old, new)

    monkeypatch.setattr(workspace.os, "rename", refuse_once)
    with pytest.raises(ExportError, match="cannot be put in place: Permission denied"):
        space.finish()
    assert text_of(space.output) == "old"
    assert text_of(space.model) == "new"


def test_a_neighbour_called_old_belongs_to_the_user(tmp_path: Path) -> None:
    write(tmp_path / "output.old", "letter.txt")
    finished(tmp_path / "output").finish()
    assert (tmp_path / "output.old" / "letter.txt").is_file()


def test_an_old_export_that_a_kill_moved_away_comes_back(tmp_path: Path) -> None:
    space = finished(tmp_path / "output")
    os.rename(space.output, space.old)
    recover_output(space.output)
    assert text_of(space.output) == "old"
    assert not space.old.exists()
    assert text_of(space.model) == "new"
    assert not (tmp_path / "output.lock").exists()


def test_what_a_kill_left_of_a_complete_export_is_removed(tmp_path: Path) -> None:
    space = finished(tmp_path / "output")
    os.rename(space.output, space.old)
    os.rename(space.model, space.output)
    recover_output(space.output)
    assert text_of(space.output) == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["output"]


def test_an_unfinished_export_is_left_alone_by_the_recovery(tmp_path: Path) -> None:
    finished(tmp_path / "output")
    before = snapshot(tmp_path)
    recover_output(tmp_path / "output")
    recover_output(tmp_path / "nothing")
    assert snapshot(tmp_path) == before


def test_the_recovery_does_not_disturb_a_running_export(tmp_path: Path) -> None:
    space = finished(tmp_path / "output")
    with open_workspace(space.output), pytest.raises(ExportError, match="is running"):
        os.rename(space.output, space.old)
        recover_output(space.output)


def test_an_export_that_cannot_be_put_in_place_is_not_thrown_away(
    tmp_path: Path, export: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbid(*_: object) -> None:
        raise OSError(16, "Device or resource busy")

    output = tmp_path / "output"
    with monkeypatch.context() as patch:
        patch.setattr(workspace.os, "rename", forbid)
        with pytest.raises(ExportError, match="Device or resource busy"):
            export(output)
    monkeypatch.setattr(pipeline, "spool_parts", lambda *_: None)  # all parts are there
    export(output)
    assert check_output(output, force=True) is None
