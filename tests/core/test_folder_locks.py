"""Locks beside a folder: who writes it, who reads it, and that the dead hold nothing."""

from pathlib import Path

import pytest

from live_process import live_process
from ovglm.folder_locks import has_readers, keep_folder, lock_of, locked_now


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "model"
    made.mkdir()
    return made


def _keeping(folder: Path) -> str:
    return (
        "from pathlib import Path\nfrom ovglm.folder_locks import keep_folder\n"
        f"with keep_folder(Path({str(folder)!r})):"
    )


def test_a_free_lock_is_taken_and_a_held_one_is_not(folder: Path) -> None:
    with locked_now(lock_of(folder)) as first, locked_now(lock_of(folder)) as second:
        assert (first, second) == (True, False)
    with locked_now(lock_of(folder)) as again:
        assert again


def test_a_tidy_lock_leaves_no_file(folder: Path) -> None:
    with locked_now(lock_of(folder), tidy=True):
        pass
    assert not lock_of(folder).exists()


def test_several_readers_at_once_and_then_none(folder: Path) -> None:
    with keep_folder(folder), keep_folder(folder):
        assert has_readers(folder)
    assert not has_readers(folder)
    assert {one.name for one in folder.parent.iterdir()} <= {"model", "model.lock"}


def test_another_process_reads_and_holds_nothing_when_it_is_killed(folder: Path) -> None:
    with live_process(_keeping(folder)) as process:
        assert has_readers(folder)
        process.kill()
        process.wait()
        assert not has_readers(folder)
