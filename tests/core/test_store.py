"""What MODEL means, and the folders of the store."""

from pathlib import Path

import pytest

from ovglm import manifest
from ovglm.errors import OvglmError
from ovglm.recipe import Recipe
from ovglm.store import Model, export_folder, find_model, home_folder, list_exports


def _checkpoint(folder: Path, weights: bytes = b"weights") -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(weights)
    return folder


def test_the_home_is_the_folder_of_the_variable(home: Path) -> None:
    assert home_folder() == home


def test_without_the_variable_the_home_is_the_systems_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("OVGLM_HOME")
    assert home_folder().name == "ovglm"


def test_nano_is_found_inside_the_package() -> None:
    model = find_model("nano")
    assert not model.is_exported
    assert (model.folder / "config.json").is_file()


def test_a_folder_with_weights_is_a_checkpoint(tmp_path: Path) -> None:
    folder = _checkpoint(tmp_path / "glm")
    assert find_model(str(folder)) == Model("glm", folder, is_exported=False)


def test_a_folder_with_a_manifest_is_exported(tmp_path: Path) -> None:
    (tmp_path / manifest.FILE_NAME).write_text("{}")
    assert find_model(str(tmp_path)).is_exported


def test_a_name_of_the_catalogue_goes_before_a_folder_of_that_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _checkpoint(tmp_path / "nano")
    monkeypatch.chdir(tmp_path)
    assert find_model("nano").folder != tmp_path / "nano"
    assert find_model("./nano").folder == tmp_path / "nano"


def test_a_folder_of_the_store_is_found_by_its_name(home: Path) -> None:
    folder = home / "exports" / "glm-int4"
    folder.mkdir(parents=True)
    (folder / manifest.FILE_NAME).write_text("{}")
    assert find_model("glm-int4") == Model("glm-int4", folder, is_exported=True)


def test_a_half_deleted_export_is_refused_with_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "openvino_model.xml").write_text("<net/>")
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(OvglmError) as caught:
        find_model(str(tmp_path))
    for name in (manifest.FILE_NAME, "openvino_model.bin", "config.json"):
        assert name in caught.value.message
    assert "tokenizer.json" not in caught.value.message
    assert caught.value.hint and "ovglm export" in caught.value.hint


def test_a_whole_folder_of_another_tool_is_exported(tmp_path: Path) -> None:
    names = ("openvino_model.xml", "openvino_model.bin", "config.json", "tokenizer.json")
    for name in names:
        (tmp_path / name).write_text("")
    assert find_model(str(tmp_path)).is_exported


def test_the_working_folder_of_an_export_is_refused(tmp_path: Path) -> None:
    folder = _checkpoint(tmp_path / "glm-int4.partial")
    with pytest.raises(OvglmError, match="not finished"):
        find_model(str(folder))


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OvglmError, match="holds no model"):
        find_model(str(tmp_path))


def test_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(OvglmError, match="a model is a folder"):
        find_model(str(tmp_path / "model.safetensors"))


def test_a_known_model_without_weights_says_where_it_is_published() -> None:
    with pytest.raises(OvglmError, match="zai-org/glm-edge-4b-chat") as caught:
        find_model("glm-edge-4b-chat")
    assert caught.value.hint == "ovglm pull glm-edge-4b-chat"


@pytest.mark.parametrize("name", ["glm-edge-1.5-chat", "zai-org/GLM-Edge-1.5B-chat"])
def test_a_misspelt_name_is_answered_with_the_nearest_one(name: str) -> None:
    with pytest.raises(OvglmError) as caught:
        find_model(name)
    assert caught.value.hint == "ovglm run glm-edge-1.5b-chat"


def test_an_unknown_name_points_to_the_catalogue() -> None:
    with pytest.raises(OvglmError, match="'\\?\\?'") as caught:
        find_model("??")
    assert caught.value.hint == "ovglm models"


@pytest.mark.parametrize("name", ["..", "../..", "a/../../b", "...", "", "a b", "模型", "C:\\x"])
def test_no_name_leads_out_of_the_store(name: str, home: Path, tmp_path: Path) -> None:
    checkpoint = Model(name, _checkpoint(tmp_path / "glm"), is_exported=False)
    folder = export_folder(checkpoint, Recipe())
    assert folder.resolve().parent == (home / "exports").resolve()
    assert ".." not in folder.name


def test_each_recipe_has_its_own_folder(tmp_path: Path) -> None:
    checkpoint = Model("glm", _checkpoint(tmp_path / "glm"), is_exported=False)
    recipes = [Recipe(), Recipe(group_size=64), Recipe(symmetric=False), Recipe(weights="int8")]
    assert len({export_folder(checkpoint, recipe) for recipe in recipes}) == len(recipes)


def test_a_changed_checkpoint_gets_a_new_folder_and_a_copy_does_not(tmp_path: Path) -> None:
    first, copy, changed = (
        export_folder(Model("glm", _checkpoint(tmp_path / name, weights), False), Recipe())
        for name, weights in (("a", b"one"), ("b", b"one"), ("c", b"two"))
    )
    assert first == copy
    assert first != changed


def test_only_complete_exports_are_listed(home: Path) -> None:
    for name in ("whole", "half"):
        (home / "exports" / name).mkdir(parents=True)
    (home / "exports" / "whole" / manifest.FILE_NAME).write_text("{}")
    assert list_exports() == [home / "exports" / "whole"]


def test_an_empty_store_lists_nothing() -> None:
    assert list_exports() == []
