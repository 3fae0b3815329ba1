"""The catalogue of models."""

import re

import pytest

from ovglm.dialects import DIALECTS
from ovglm.errors import OvglmError
from ovglm.models import CATALOGUE, Entry, find_entry, nearest, refuse_unknown
from ovglm.models.abilities import abilities_of
from ovglm.models.chatglm import CHATGLM
from ovglm.models.glm import GLM
from ovglm.models.glm4 import GLM4
from ovglm.models.nano import NANO

ENTRIES = [*NANO, *GLM, *CHATGLM, *GLM4]
EACH = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)


def test_no_name_stands_for_two_models() -> None:
    assert len(CATALOGUE) == len(ENTRIES)


@EACH
def test_a_name_is_lower_case_and_safe_as_a_folder(entry: Entry) -> None:
    assert re.fullmatch(r"[a-z0-9]+([.-][a-z0-9]+)*", entry.name)


@EACH
def test_a_name_is_the_last_part_of_its_repository(entry: Entry) -> None:
    if entry.repository is not None:
        assert entry.repository.rpartition("/")[2].lower() == entry.name


def test_only_the_miniatures_ship_inside() -> None:
    assert [entry.name for entry in ENTRIES if entry.repository is None] == ["nano", "nano-v"]


@pytest.mark.parametrize(
    ("entries", "model_type"), [(NANO, "glm"), (GLM, "glm"), (CHATGLM, "chatglm"), (GLM4, "glm4")]
)
def test_a_file_of_the_catalogue_holds_one_architecture(
    entries: tuple[Entry, ...], model_type: str
) -> None:
    assert {entry.model_type for entry in entries} == {model_type}
    assert {entry.shape.extra_norms for entry in entries} == {model_type == "glm4"}


@EACH
def test_a_shape_is_one_that_a_glm_can_have(entry: Entry) -> None:
    shape = entry.shape
    assert shape.heads % shape.kv_heads == 0
    assert shape.heads * shape.head_dim == shape.hidden_size
    assert shape.context_length >= 2048
    assert entry.licence.url.startswith("https://")
    assert entry.dialect is None or entry.dialect in DIALECTS


@pytest.mark.parametrize(
    "name",
    [
        "glm-4-9b-chat",
        "GLM-4-9B-Chat",
        "zai-org/glm-4-9b-chat",
        "THUDM/glm-4-9b-chat",
        "ZhipuAI/glm-4-9b-chat",
        "thudm/GLM-4-9B-chat",
    ],
)
def test_a_model_is_found_under_every_organisation_s_name(name: str) -> None:
    assert find_entry(name) is CATALOGUE["glm-4-9b-chat"]


def test_the_spelling_of_each_hub_is_kept() -> None:
    entry = CATALOGUE["glm-z1-9b-0414"]
    assert entry.repositories("huggingface") == ("zai-org/GLM-Z1-9B-0414", "THUDM/GLM-Z1-9B-0414")
    assert entry.repositories("modelscope") == ("ZhipuAI/GLM-Z1-9B-0414",)
    assert CATALOGUE["nano"].repositories("huggingface") == ()


@pytest.mark.parametrize("name", ["other/glm-4-9b-chat", "glm-4", "", "chat"])
def test_another_name_finds_nothing(name: str) -> None:
    assert find_entry(name) is None


def test_a_wrong_name_is_answered_with_the_nearest_three() -> None:
    error = refuse_unknown("glm-edge-1.5-chat", "no model", CATALOGUE, "ovglm run")
    near = nearest("glm-edge-1.5-chat", CATALOGUE)
    assert len(near) == 3 and near[0] == "glm-edge-1.5b-chat"
    assert error.message == f"'glm-edge-1.5-chat' is no model; near it: {', '.join(near)}"
    assert error.hint == "ovglm run glm-edge-1.5b-chat"


def test_a_name_like_no_other_points_to_the_catalogue() -> None:
    error = refuse_unknown("??", "no model", CATALOGUE, "ovglm run")
    assert isinstance(error, OvglmError)
    assert (error.message, error.hint) == ("'??' is no model", "ovglm models")


@pytest.mark.parametrize(
    ("name", "tools", "thinks"),
    [
        ("glm-4-9b-chat", "native", False),
        ("glm-edge-4b-chat", "instructed", False),
        ("glm-z1-32b-0414", "native", True),
        ("glm-4-32b-base-0414", "none", False),
        ("glm-z1-rumination-32b-0414", None, None),
    ],
)
def test_abilities_are_those_of_the_dialect(
    name: str, tools: str | None, thinks: bool | None
) -> None:
    told = abilities_of(CATALOGUE[name])
    assert (told.tools, told.thinks) == (tools, thinks)
