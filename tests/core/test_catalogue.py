"""The catalogue of models."""

import re

import pytest

from ovglm.models import CATALOGUE, Entry
from ovglm.models.chatglm import CHATGLM
from ovglm.models.glm import GLM
from ovglm.models.glm4 import GLM4
from ovglm.models.nano import NANO

ENTRIES = [*NANO, *GLM, *CHATGLM, *GLM4]


def test_no_name_stands_for_two_models() -> None:
    assert len(CATALOGUE) == len(ENTRIES)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_a_name_is_lower_case_and_safe_as_a_folder(entry: Entry) -> None:
    assert re.fullmatch(r"[a-z0-9]+([.-][a-z0-9]+)*", entry.name)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_a_name_is_the_last_part_of_its_repository(entry: Entry) -> None:
    if entry.repository is not None:
        assert entry.repository.rpartition("/")[2].lower() == entry.name


def test_only_nano_ships_inside() -> None:
    assert [entry.name for entry in ENTRIES if entry.repository is None] == ["nano"]


@pytest.mark.parametrize(
    ("entries", "model_type"), [(NANO, "glm"), (GLM, "glm"), (CHATGLM, "chatglm"), (GLM4, "glm4")]
)
def test_a_file_of_the_catalogue_holds_one_architecture(
    entries: tuple[Entry, ...], model_type: str
) -> None:
    assert {entry.model_type for entry in entries} == {model_type}
