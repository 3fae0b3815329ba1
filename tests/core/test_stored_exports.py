"""The exports of the store: described, marked as used, and removed with care."""

import json
import os
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from ovglm.errors import FolderError, OvglmError
from ovglm.manifest import FILE_NAME
from ovglm.recipe import Recipe
from ovglm.stored_exports import find_export, list_stored, mark_used, remove_export
from stored import write_export


def test_an_export_is_described_from_its_manifest(home: Path) -> None:
    folder = write_export(home / "exports" / "glm-int8", recipe=Recipe(weights="int8"))
    (one,) = list_stored()
    assert (one.name, one.folder, one.model, one.recipe) == ("glm-int8", folder, "glm", "int8")
    assert one.devices == ("CPU", "GPU")
    assert one.size_bytes == 1000 + (folder / FILE_NAME).stat().st_size
    assert one.is_complete and one.last_used is None


def test_an_unfinished_export_is_listed_as_such(home: Path) -> None:
    (home / "exports" / "glm.partial" / "spool").mkdir(parents=True)
    (home / "exports" / "glm.partial" / "spool" / "0").write_bytes(b"12345")
    (one,) = list_stored()
    assert (one.is_complete, one.size_bytes, one.devices) == (False, 5, ())


def test_an_unreadable_manifest_spoils_no_list(home: Path) -> None:
    folder = write_export(home / "exports" / "broken")
    (folder / FILE_NAME).write_text("{")
    write_export(home / "exports" / "whole")
    assert [(one.name, one.recipe) for one in list_stored()] == [
        ("broken", ""),
        ("whole", "int4-g128"),
    ]


def test_the_last_use_is_remembered(home: Path) -> None:
    folder = write_export(home / "exports" / "glm")
    mark_used(folder)
    last_used = list_stored()[0].last_used
    assert last_used
    assert abs(datetime.now(timezone.utc) - last_used) < timedelta(minutes=1)
    os.utime(folder / ".last-used", (1_700_000_000, 1_700_000_000))
    mark_used(folder)
    assert list_stored()[0].last_used >= last_used  # pyright: ignore[reportOptionalOperand]


def test_a_folder_outside_the_store_is_not_written_to(tmp_path: Path) -> None:
    folder = write_export(tmp_path / "glm")
    before = sorted(folder.iterdir())
    mark_used(folder)
    assert sorted(folder.iterdir()) == before


def test_an_export_is_found_by_its_name_its_model_and_its_folder(home: Path) -> None:
    folder = write_export(home / "exports" / "glm-int4-g128-0", model="glm")
    for text in ("glm-int4-g128-0", "glm", str(folder)):
        assert find_export(text).folder == folder


def test_a_model_with_two_exports_must_be_named_exactly(home: Path) -> None:
    for name in ("glm-a", "glm-b"):
        write_export(home / "exports" / name, model="glm")
    with pytest.raises(OvglmError, match="2 exports are of glm: glm-a, glm-b") as caught:
        find_export("glm")
    assert caught.value.hint == "ovglm rm glm-a"


def test_a_folder_that_is_no_export_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match=FILE_NAME):
        find_export(str(tmp_path))
    with pytest.raises(OvglmError, match="neither in the store nor a folder"):
        find_export("nothing")


@pytest.mark.parametrize("name", ["..", ".", "", "/"])
def test_the_store_itself_is_never_removed(name: str, home: Path) -> None:
    write_export(home / "exports" / "glm")
    with pytest.raises(OvglmError):
        find_export(str(home / "exports" / "glm" / name) if name == ".." else name)


def test_a_folder_of_the_store_goes_as_a_whole(home: Path) -> None:
    folder = write_export(home / "exports" / "glm")
    (folder / "more").mkdir()
    assert remove_export(find_export("glm")) == ()
    assert not folder.exists()


def test_elsewhere_an_export_goes_with_its_folder(tmp_path: Path) -> None:
    folder = write_export(tmp_path / "glm")
    assert remove_export(find_export(str(folder))) == ()
    assert not folder.exists()


def test_elsewhere_files_that_are_not_the_exports_stay(tmp_path: Path) -> None:
    folder = write_export(tmp_path / "glm")
    (folder / "thesis.txt").write_text("years of work")
    assert remove_export(find_export(str(folder))) == (folder / "thesis.txt",)
    assert [file.name for file in folder.iterdir()] == ["thesis.txt"]


def test_a_manifest_cannot_name_files_outside_its_folder(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    folder = write_export(tmp_path / "glm")
    told = json.loads((folder / FILE_NAME).read_text())
    told["files"] |= {"../precious": {"size": 4, "sha256": "0"}}
    (folder / FILE_NAME).write_text(json.dumps(told))
    remove_export(find_export(str(folder)))
    assert (tmp_path / "precious").exists()
