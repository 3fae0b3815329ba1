"""The sampling that a checkpoint recommends."""

import json
from pathlib import Path

import pytest

from ovglm.errors import OvglmError
from ovglm.messages import Sampling
from ovglm.sampling import FILE_NAME, recommended_sampling


def _folder(tmp_path: Path, config: object) -> Path:
    (tmp_path / FILE_NAME).write_text(json.dumps(config))
    return tmp_path


def test_a_file_that_samples_is_followed(tmp_path: Path) -> None:
    config = {"do_sample": True, "temperature": 0.8, "top_p": 0.9, "top_k": 5, "eos_token_id": [1]}
    expected = Sampling(temperature=0.8, top_p=0.9, top_k=5)
    assert recommended_sampling(_folder(tmp_path, config)) == expected


def test_sampling_without_a_temperature_is_at_1(tmp_path: Path) -> None:
    assert recommended_sampling(_folder(tmp_path, {"do_sample": True})).temperature == 1.0


@pytest.mark.parametrize("config", [{}, {"do_sample": False, "temperature": 0.8, "top_p": None}])
def test_a_file_that_does_not_sample_is_greedy(tmp_path: Path, config: object) -> None:
    assert recommended_sampling(_folder(tmp_path, config)) == Sampling()


def test_no_file_is_greedy(tmp_path: Path) -> None:
    assert recommended_sampling(tmp_path) == Sampling()


@pytest.mark.parametrize("text", ["{", "[]"])
def test_a_damaged_file_is_refused_by_its_name(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE_NAME).write_text(text)
    with pytest.raises(OvglmError, match=FILE_NAME):
        recommended_sampling(tmp_path)
