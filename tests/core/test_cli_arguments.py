"""The options that several commands share: each becomes what its help says, or is refused."""

from dataclasses import fields
from pathlib import Path

import pytest

from ovglm.cli.parser import Parser
from ovglm.cli.runtime_arguments import add_runtime_arguments, to_runtime_options
from ovglm.cli.sampling_arguments import add_sampling_arguments, to_sampling
from ovglm.devices.options import RuntimeOptions
from ovglm.errors import OvglmError
from ovglm.messages import Sampling


def _parser() -> Parser:
    parser = Parser(prog="ovglm try")
    add_runtime_arguments(parser)
    add_sampling_arguments(parser)
    return parser


def _runtime(*arguments: str) -> RuntimeOptions:
    return to_runtime_options(_parser().parse_args(arguments))


def _sampling(*arguments: str, recommended: Sampling | None = None) -> Sampling:
    return to_sampling(_parser().parse_args(arguments), recommended or Sampling())


def test_without_options_the_policies_choose() -> None:
    assert _runtime() == RuntimeOptions()
    assert _parser().parse_args([]).device == "AUTO"


def test_every_runtime_option_arrives() -> None:
    options = _runtime(
        *("--prefer", "power", "--context", "4096", "--max-response", "256", "--kv-cache", "f16"),
        *("--threads", "3", "--precision", "f32", "--cache-dir", "blobs", "--prompt-lookup"),
        *("--property", "A=1", "--property", "B=x=y"),
    )
    assert options == RuntimeOptions(
        prefer="power",
        context=4096,
        max_response=256,
        kv_cache="f16",
        threads=3,
        precision="f32",
        cache_dir=Path("blobs"),
        properties=(("A", "1"), ("B", "x=y")),
        prompt_lookup=True,
    )


def test_no_cache_keeps_nothing() -> None:
    assert _runtime("--no-cache").cache is False


@pytest.mark.parametrize(
    "arguments",
    [
        ["--property", "NAME"],
        ["--property", "=1"],
        ["--prefer", "looks"],
        ["--kv-cache", "u4"],
        ["--context", "many"],
        ["--no-cache", "--cache-dir", "x"],
        ["--draft", "x", "--prompt-lookup"],
    ],
)
def test_a_wrong_use_is_exit_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        _runtime(*arguments)
    assert caught.value.code == 2


@pytest.mark.parametrize("option", ["--context", "--threads", "--max-response"])
def test_a_number_below_one_is_refused(option: str) -> None:
    with pytest.raises(OvglmError, match="is 0"):
        _runtime(option, "0")


def test_the_models_own_sampling_stays_where_nothing_is_given() -> None:
    own = Sampling(temperature=0.7, top_p=0.9, max_new_tokens=50)
    assert _sampling(recommended=own) == own
    assert _sampling("--temperature", "0.2", recommended=own).top_p == 0.9


def test_every_sampling_option_arrives() -> None:
    sampling = _sampling(
        *("--max-new-tokens", "5", "--temperature", "0.5", "--top-p", "0.9", "--top-k", "3"),
        *("--min-p", "0.05"),
        *("--seed", "1", "--repetition-penalty", "1.1", "--presence-penalty", "0.2"),
        *("--frequency-penalty", "0.3", "--stop", "END", "--stop", "\n"),
    )
    assert sampling == Sampling(
        max_new_tokens=5,
        temperature=0.5,
        top_p=0.9,
        top_k=3,
        min_p=0.05,
        seed=1,
        repetition_penalty=1.1,
        presence_penalty=0.2,
        frequency_penalty=0.3,
        stop=("END", "\n"),
    )


def test_a_filter_without_chance_is_refused() -> None:
    with pytest.raises(OvglmError, match="--top-p and --top-k has no effect") as caught:
        _sampling("--top-p", "0.9", "--top-k", "3")
    assert caught.value.hint == "--temperature 0.8 --top-p 0.9"


def test_help_says_the_effect_of_every_option() -> None:
    for action in _parser()._actions:
        assert action.help and len(action.help) > 15, action.option_strings


def test_no_runtime_option_is_forgotten() -> None:
    known = vars(_parser().parse_args([]))
    spelt = {"cache": "no_cache", "properties": "property"}
    left_out = {"requests"}  # how many answers at once is a matter of serving
    for field in fields(RuntimeOptions):
        assert field.name in left_out or spelt.get(field.name, field.name) in known
