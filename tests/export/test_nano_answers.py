"""The miniature answers held-out questions through OpenVINO."""

from pathlib import Path

import pytest

from nano_training.answers import count_right, is_right, to_markdown
from nano_training.data import held_out_samples
from nano_training.samples import Sample, assistant, user
from ovglm.nano import checkpoint_folder
from ovglm.recipe import Recipe
from ovglm_export.pipeline import export_checkpoint

CALL = assistant('{"city": "Rome"}', "get_weather")
QUESTION = user("Weather in Rome?")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("recipe", "least"),
    [
        (Recipe("bf16"), 0.93),
        (Recipe("int8"), 0.92),
        (Recipe("int4", group_size=64), 0.88),
        (Recipe("int4", group_size=128), 0.85),
    ],
    ids=["bf16", "int8", "int4-g64", "int4-g128"],
)
def test_nano_answers_what_it_was_never_shown(recipe: Recipe, least: float, tmp_path: Path) -> None:
    from nano_training.evaluate import ask

    export_checkpoint(checkpoint_folder(), tmp_path / "nano", recipe)
    marks = count_right(ask(tmp_path / "nano", held_out_samples(12)))
    assert len(marks) == 10
    assert marks["overall"][0] >= least * marks["overall"][1], to_markdown({"marks": marks})


def test_an_answer_needs_its_own_stop_token() -> None:
    sample = Sample("echo", (user("Say: a b"), assistant("a b")), ("key",))
    assert is_right(sample, "\na  b", "<|user|>")
    assert not is_right(sample, "\na b", "<|observation|>")
    assert not is_right(sample, "\na b", None)
    assert not is_right(sample, "\na c", "<|user|>")


def test_json_is_compared_as_a_value() -> None:
    sample = Sample("json", (user("?"), assistant('{"a": 1, "b": 2}')), ("key",), "json")
    assert is_right(sample, '\n{"b":2,"a":1}', "<|user|>")
    assert not is_right(sample, '\n{"b":2}', "<|user|>")
    assert not is_right(sample, "\n{", "<|user|>")


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ('get_weather\n{"city":"Rome"}', True),
        ('get_time\n{"city": "Rome"}', False),
        ('get_weather\n{"city": "Oslo"}', False),
        ("get_weather\n{", False),
    ],
)
def test_a_call_needs_the_right_tool_and_arguments(text: str, right: bool) -> None:
    sample = Sample("tools", (QUESTION, CALL), ("key",), "call")
    assert is_right(sample, text, "<|observation|>") is right


def test_the_table_has_a_row_per_group_and_an_overall_row() -> None:
    samples = held_out_samples(2)
    marks = count_right((sample, sample.group != "sums") for sample in samples)
    table = to_markdown({"INT8": marks})
    assert "| sums | 2 | 0.0 % |" in table
    assert table.rstrip().endswith("| overall | 18 | 88.9 % |")
