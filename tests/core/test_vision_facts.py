"""What core knows of models that take pictures: their facts, and that none is run yet."""

import json
from pathlib import Path
from typing import Any

import pytest

from ovglm.errors import FolderError, HubError
from ovglm.hub.door import Listing
from ovglm.hub.selecting import check_config
from ovglm.vision_facts import LANGUAGE_FILE, refuse_vision

LISTING = Listing("org/glm", "0" * 40, ())
VISION = {"vision_config": {"image_size": 672}}


def write_config(folder: Path, **fields: Any) -> Path:
    (folder / "config.json").write_text(json.dumps(fields), encoding="utf-8")
    return folder


def test_a_checkpoint_is_pointed_to_its_export(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="takes pictures") as caught:
        refuse_vision(write_config(tmp_path, model_type="glm", **VISION))
    assert caught.value.hint == f"ovglm export {tmp_path}"


def test_an_export_is_pointed_to_inspect(tmp_path: Path) -> None:
    (tmp_path / LANGUAGE_FILE).touch()
    with pytest.raises(FolderError, match="cannot run them") as caught:
        refuse_vision(write_config(tmp_path, model_type="glm", **VISION))
    assert caught.value.hint == f"ovglm inspect {tmp_path}"


@pytest.mark.parametrize("fields", [{}, {"vision_config": None}, {"vision_config": {}}])
def test_text_models_are_not_refused(tmp_path: Path, fields: dict[str, Any]) -> None:
    refuse_vision(write_config(tmp_path, model_type="glm", **fields))


@pytest.mark.parametrize("text", ["[]", "{", ""])
def test_a_damaged_config_is_left_to_its_reader(tmp_path: Path, text: str) -> None:
    refuse_vision(tmp_path)
    (tmp_path / "config.json").write_text(text, encoding="utf-8")
    refuse_vision(tmp_path)


@pytest.mark.parametrize("kind", ["glm", "chatglm"])
def test_a_hub_s_model_with_a_tower_can_be_pulled(kind: str) -> None:
    check_config(LISTING, {"model_type": kind, **VISION})


def test_a_tower_that_the_exporter_does_not_know_is_not_pulled() -> None:
    with pytest.raises(HubError, match="has a vision_config"):
        check_config(LISTING, {"model_type": "glm4", **VISION})
    with pytest.raises(HubError, match="has a quantization_config"):
        check_config(LISTING, {"model_type": "glm", "quantization_config": {"bits": 4}})
