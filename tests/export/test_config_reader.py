"""Every number comes from config.json; what the graph cannot compute is refused by its name."""

import json
import math
from collections.abc import Mapping
from typing import Any

import pytest

from ovglm.errors import CheckpointError
from ovglm_export import config_reader
from ovglm_export.architecture import Architecture
from ovglm_export.config_reader import read_rope
from ovglm_export.families import FAMILIES
from tiny_glm import ABSENT, make_config

LAYOUTS = ("glm", "glm4", "chatglm")
ROPE = {"rope_theta": 5000.0, "partial_rotary_factor": 0.25, "rope_type": "default"}
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 128}


def present(value: Any) -> Any:
    """Leave out ABSENT fields, in nested objects too."""
    if not isinstance(value, dict):
        return value
    return {name: present(one) for name, one in value.items() if one is not ABSENT}


def read(layout: str = "glm", raw: Mapping[str, Any] | None = None, **common: Any) -> Architecture:
    """Read a tiny config; raw: fields in the layout's own names."""
    config = {**make_config(layout, **common), **(raw or {})}
    # As it comes out of a file, with tuples as lists and so on.
    config = present(config)
    return FAMILIES[layout].read_config(json.loads(json.dumps(config)))


def refuse(words: str, layout: str = "glm", **raw: Any) -> None:
    """Expect one sentence with these words, and a hint."""
    with pytest.raises(CheckpointError) as caught:
        read(layout, raw)
    assert words in caught.value.message
    assert "\n" not in caught.value.message
    assert len(caught.value.message) < 200
    assert caught.value.hint


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_number_is_the_config_s(layout: str) -> None:
    arch = read(
        layout, hidden_size=96, intermediate_size=200, num_hidden_layers=3, num_attention_heads=6,
        num_key_value_heads=3, head_dim=32, rope_theta=20000.0, vocab_size=333,
        max_position_embeddings=777, rms_norm_eps=3e-6, attention_bias=False,
    )  # fmt: skip
    assert arch == Architecture(
        family=layout, hidden_size=96, intermediate_size=200, layers=3, heads=6, kv_heads=3,
        head_dim=32, rotary_dim=16, vocab_size=333, max_positions=777, rope_theta=20000.0,
        rms_eps=3e-6, qkv_bias=False, output_bias=False, tied=False,
        extra_norms=layout == "glm4",
    )  # fmt: skip


@pytest.mark.parametrize(("part", "channels"), [(0.25, 16), (0.5, 32), (1.0, 64), (1, 64)])
def test_partial_rotary(part: float, channels: int) -> None:
    assert read(partial_rotary_factor=part).rotary_dim == channels


def test_rope_numbers_are_also_read_from_the_nested_form() -> None:
    arch = read(raw={"rope_parameters": ROPE, "rope_theta": ABSENT, "rope_scaling": None})
    assert (arch.rope_theta, arch.rotary_dim, arch.yarn) == (5000.0, 16, None)
    nested = {**ROPE, **YARN}
    yarn = read("glm4", {"rope_parameters": nested}).yarn
    assert yarn == read("glm4", {"rope_scaling": YARN}).yarn
    assert yarn is not None


@pytest.mark.parametrize(
    ("block", "found"),
    [
        ({}, (128, 0.1 * math.log(4) + 1, 32, 1, True)),
        ({"original_max_position_embeddings": None}, (512, 0.1 * math.log(4) + 1, 32, 1, True)),
        ({"attention_factor": 0.7, "truncate": False}, (128, 0.7, 32, 1, False)),
        ({"beta_fast": 16, "beta_slow": 2.5}, (128, 0.1 * math.log(4) + 1, 16, 2.5, True)),
        ({"beta_fast": None, "attention_factor": None}, (128, 0.1 * math.log(4) + 1, 32, 1, True)),
        ({"mscale": 1.0, "mscale_all_dim": 1.0}, (128, 1.0, 32, 1, True)),
        ({"factor": 1}, (128, 1.0, 32, 1, True)),
    ],
)
def test_yarn(block: dict[str, Any], found: tuple[object, ...]) -> None:
    config = {**make_config("glm4"), "rope_scaling": {**YARN, **block}}
    yarn = read_rope(config)[2]
    assert yarn is not None
    numbers = (yarn.original_positions, yarn.attention_factor, yarn.beta_fast, yarn.beta_slow)
    assert (*numbers, yarn.truncate) == pytest.approx(found)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("field", config_reader._NEVER)
def test_a_field_that_changes_the_mathematics_is_refused(layout: str, field: str) -> None:
    for value in (True, 7, [1], {"a": 1}, "on"):
        refuse(f"config.json sets {field} to {value!r}", layout, **{field: value})
    for value in (None, False, 0, [], {}):
        read(layout, {field: value})


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("field", config_reader._ONE)
def test_a_multiplier_other_than_one_is_refused(layout: str, field: str) -> None:
    for value in (2, 0.5, 0, "1"):
        refuse(f"config.json sets {field} to {value!r}", layout, **{field: value})
    for value in (None, 1, 1.0):
        read(layout, {field: value})


@pytest.mark.parametrize("layout", ["glm", "glm4"])
@pytest.mark.parametrize(
    ("field", "values", "harmless"),
    [
        ("hidden_act", ("gelu", "relu", 1), ("silu", "swish", None)),
        ("sliding_window", (4096,), (None, False, 0)),
        ("is_causal", (False,), (True, None)),
        ("layer_types", (["full_attention", "sliding_attention"], "x", 5, [None]),
         (["full_attention"] * 2, None, [])),
    ],
)  # fmt: skip
def test_other_attention_or_activation_is_refused(
    layout: str, field: str, values: tuple[Any, ...], harmless: tuple[Any, ...]
) -> None:
    for value in values:
        refuse(f"config.json sets {field} to", layout, **{field: value})
    for value in harmless:
        read(layout, {field: value})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("rmsnorm", False),
        ("post_layer_norm", False),
        ("apply_residual_connection_post_layernorm", True),
        ("add_bias_linear", True),
        ("original_rope", False),
        ("rope_scaling", YARN),
        ("rope_parameters", ROPE),
    ],
)
def test_a_released_constant_of_the_original_layout_may_not_differ(
    field: str, value: object
) -> None:
    refuse(f"config.json sets {field} to", "chatglm", **{field: value})


def test_an_older_generation_of_the_original_layout_is_refused() -> None:
    refuse("without rope_ratio", "chatglm", rope_ratio=ABSENT)


def test_the_original_layout_without_groups_has_as_many_as_heads() -> None:
    assert read("chatglm", {"multi_query_attention": False}).kv_heads == 4


WHOLE = {
    "glm": ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
            "num_key_value_heads", "head_dim", "vocab_size", "max_position_embeddings"),
    "chatglm": ("hidden_size", "ffn_hidden_size", "num_layers", "num_attention_heads",
                "multi_query_group_num", "kv_channels", "padded_vocab_size", "seq_length"),
}  # fmt: skip
WHOLE["glm4"] = WHOLE["glm"]
WHOLE_CASES = [(layout, field) for layout, fields in WHOLE.items() for field in fields]


@pytest.mark.parametrize(("layout", "field"), WHOLE_CASES)
def test_a_missing_or_impossible_whole_number_is_refused(layout: str, field: str) -> None:
    refuse(f"config.json has no {field}", layout, **{field: ABSENT})
    for value in (0, -1, 1.5, "64", True, None, [64], 2**31, 10**400):
        refuse(f"config.json has {field} = ", layout, **{field: value})


POSITIVE = [
    ("glm", "rope_theta"), ("glm", "partial_rotary_factor"), ("glm", "rms_norm_eps"),
    ("glm4", "rope_theta"), ("glm4", "rms_norm_eps"),
    ("chatglm", "rope_ratio"), ("chatglm", "layernorm_epsilon"),
]  # fmt: skip


@pytest.mark.parametrize(("layout", "field"), POSITIVE)
def test_a_missing_or_impossible_fraction_is_refused(layout: str, field: str) -> None:
    if field != "rope_ratio":
        refuse(f"config.json has no {field}", layout, **{field: ABSENT})
    for value in (0, -1.0, "1", True, None, math.nan, math.inf, 10**400):
        refuse(f"config.json has {field} = ", layout, **{field: value})


def test_a_rotary_part_above_one_and_a_theta_of_one_are_refused() -> None:
    refuse("config.json has partial_rotary_factor = 1.5", partial_rotary_factor=1.5)
    refuse("config.json has rope_theta = 1.0", rope_theta=1.0)


@pytest.mark.parametrize(
    ("layout", "field"),
    [("glm", "attention_bias"), ("glm", "tie_word_embeddings"), ("glm4", "attention_bias"),
     ("chatglm", "add_qkv_bias"), ("chatglm", "multi_query_attention")],
)  # fmt: skip
def test_a_switch_is_true_false_or_absent(layout: str, field: str) -> None:
    for value in (1, "true", []):
        refuse(f"config.json has {field} = {value!r}; true or false", layout, **{field: value})
    read(layout, {field: None})


@pytest.mark.parametrize("layout", ["glm", "glm4"])
@pytest.mark.parametrize("field", ["rope_scaling", "rope_parameters"])
def test_an_unknown_rope_is_refused(layout: str, field: str) -> None:
    for kind in ("linear", "dynamic", "longrope", "llama3", "mrope", 7, ["yarn"]):
        refuse(f"the type {kind!r}", layout, **{field: {**ROPE, "rope_type": kind}})
    refuse("the type 'linear'", layout, **{field: {**ROPE, "rope_type": ABSENT, "type": "linear"}})
    sections = {**ROPE, "rope_type": "default", "mrope_section": [8, 12, 12]}
    refuse("sets mrope_section to", layout, **{field: sections})
    for value in ("yarn", 4, [1], True):
        refuse(f"config.json has {field} = {value!r}", layout, **{field: value})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("factor", None), ("factor", 0), ("factor", "4"), ("factor", -1),
        ("original_max_position_embeddings", "x"), ("original_max_position_embeddings", -5),
        ("original_max_position_embeddings", 1.5), ("attention_factor", "1"),
        ("attention_factor", 0), ("beta_fast", "x"), ("beta_fast", -1), ("beta_slow", 0),
        ("truncate", "no"),
    ],
)  # fmt: skip
def test_a_broken_yarn_number_is_refused(field: str, value: object) -> None:
    refuse(field, "glm4", rope_scaling={**YARN, field: value})


def test_a_long_value_is_shown_in_short() -> None:
    refuse("...", vision_config={"a": "x" * 1000})
