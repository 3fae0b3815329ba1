"""The sources of the store: described, found by any name, kept while they are read, removed."""

from pathlib import Path

import pytest

from live_process import live_process
from ovglm.errors import FolderError
from ovglm.folder_locks import keep_folder, lock_of
from ovglm.stored_sources import find_sources, keep_source, list_sources, remove_source
from stored import COMMIT, write_source


def test_a_source_is_described_from_its_place(home: Path) -> None:
    folder = write_source(home)
    (one,) = list_sources()
    assert (one.hub, one.repository, one.commit) == ("huggingface", "zai-org/GLM-4-9B-0414", COMMIT)
    assert one.name == f"zai-org/GLM-4-9B-0414@{COMMIT[:12]}"
    assert one.size_bytes == sum(file.stat().st_size for file in folder.iterdir())
    assert one.is_complete


def test_a_pull_that_was_not_finished_is_listed_as_such(home: Path) -> None:
    write_source(home, is_complete=False)
    assert [one.is_complete for one in list_sources()] == [False]


@pytest.mark.parametrize(
    "text",
    [
        "glm-4-9b-0414",
        "zai-org/GLM-4-9B-0414",
        "THUDM/glm-4-9b-0414",
        "ZhipuAI/GLM-4-9B-0414",
        f"zai-org/GLM-4-9B-0414@{COMMIT[:7]}",
        f"glm-4-9b-0414@{COMMIT[:7]}",
    ],
)
def test_a_source_is_found_by_all_its_names(text: str, home: Path) -> None:
    folder = write_source(home)
    assert [one.folder for one in find_sources(text)] == [folder]


def test_a_source_is_found_by_its_folder_and_not_by_other_names(home: Path) -> None:
    folder = write_source(home)
    assert [one.folder for one in find_sources(str(folder))] == [folder]
    assert find_sources("glm-4-32b-0414") == ()
    assert find_sources("zai-org/GLM-4-9B-0414@ffff") == ()


def test_a_removed_source_is_gone(home: Path) -> None:
    folder = write_source(home)
    remove_source(list_sources()[0])
    assert not folder.exists()
    assert list_sources() == ()


def test_a_source_that_is_exported_stays(home: Path) -> None:
    folder = write_source(home)
    with keep_source(folder), pytest.raises(FolderError, match="is in use") as caught:
        remove_source(list_sources()[0])
    assert caught.value.hint and "ovglm rm" in caught.value.hint
    assert folder.is_dir()
    remove_source(list_sources()[0])


def test_a_source_that_another_process_pulls_stays(home: Path) -> None:
    folder = write_source(home, is_complete=False)
    code = f"from filelock import FileLock\nwith FileLock({str(lock_of(folder))!r}):"
    with live_process(code), pytest.raises(FolderError, match="is in use"):
        remove_source(list_sources()[0])
    assert folder.is_dir()


def test_another_folder_is_kept_without_a_trace(tmp_path: Path) -> None:
    (tmp_path / "glm").mkdir()
    with keep_source(tmp_path / "glm"):
        assert [one.name for one in tmp_path.iterdir()] == ["glm"]


def test_the_marks_of_readers_are_no_sources(home: Path) -> None:
    with keep_folder(write_source(home)):
        assert len(list_sources()) == 1
