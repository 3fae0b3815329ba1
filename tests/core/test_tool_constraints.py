"""Answers that are held to calls: when, to what, and that what they allow is what parsers read."""

import json
import re
from typing import Any

import pytest

from ovglm.dialects import DIALECTS, NamedTool, ToolChoice, dialect_for, read_answer
from ovglm.errors import OvglmError

SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city"],
    "additionalProperties": False,
}
CITY = '{"city": "X"}'


def _tool(name: str, **more: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": SCHEMA, **more}}


TOOLS = [_tool("get_weather"), _tool("get_time")]
STRICT = [_tool("get_weather", strict=True), _tool("get_time")]


def _form(name: str, tools: list[dict[str, Any]], choice: ToolChoice, parallel: bool = True) -> Any:
    """Give the form that an answer without thoughts is held to."""
    thinks = None if name == "glm_z1" else False
    constraint = dialect_for(name).constraint(tools, choice, parallel, thinks=thinks)
    if constraint is None:
        return None
    assert constraint.kind == "structural"
    whole = json.loads(constraint.text)
    assert list(whole) == ["type", "format"] and whole["type"] == "structural_tag"
    return whole["format"]


def _to_pattern(form: Any) -> str:
    """Write a form as a regular expression; any object stands for a JSON schema."""
    kind = form["type"]
    parts = [f"(?:{_to_pattern(part)})" for part in form.get("elements", form.get("tags", ()))]
    any_part = "|".join(parts)
    if kind == "const_string":
        return re.escape(form["value"])
    if kind == "regex":
        return form["pattern"]
    if kind == "grammar":
        return {'root ::= ""': ""}[form["grammar"]]
    if kind == "json_schema":
        return r"\{[^{}]*\}|\d+"
    if kind == "tag":
        end = re.escape(form["end"])
        content = form["content"]
        is_free = content["type"] == "any_text"
        inside = rf"(?:(?!{end})[\s\S])*" if is_free else _to_pattern(content)
        return f"{re.escape(form['begin'])}(?:{inside}){end}"
    if kind == "tags_with_separator":
        more = (
            "" if form["stop_after_first"] else f"(?:{re.escape(form['separator'])}(?:{any_part}))*"
        )
        return f"(?:{any_part}){more}"
    if kind == "triggered_tags":
        stops = "|".join(map(re.escape, [*form["triggers"], *form["excludes"]]))
        text = rf"(?:(?!{stops})[\s\S])*"
        more = "?" if form["stop_after_first"] else f"(?:(?:{any_part}){text})*"
        return f"{text}(?:{any_part})?" if more == "?" else text + more
    return {"sequence": "".join(parts), "or": any_part}[kind]


def _accepts(form: Any, text: str) -> bool:
    return re.fullmatch(_to_pattern(form), text) is not None


def _xml(name: str, *members: tuple[str, str]) -> str:
    lines = (
        f"<arg_key>{key}</arg_key>\n<arg_value>{value}</arg_value>\n" for key, value in members
    )
    return f"<tool_call>{name}\n{''.join(lines)}</tool_call>"


def _call(dialect: str, name: str = "get_weather") -> str:
    """Write a call as a model of that dialect would."""
    if dialect == "glm45":
        return _xml(name, ("city", "X"))
    plain = f"{name}\n{CITY}"
    return f"<tool_call>{plain}\n</tool_call>" if dialect == "glm_edge" else plain


def _before(dialect: str) -> str:
    """Write what stands before a held answer."""
    return {"glm45": "\n", "glm_z1": "Hm.</think>\n"}.get(dialect, "")


def _two_calls(dialect: str) -> str:
    separator = "\n" if dialect in ("glm45", "glm_edge") else "<|assistant|>"
    return separator.join((_call(dialect), _call(dialect, "get_time")))


@pytest.mark.parametrize("name", DIALECTS)
def test_an_answer_is_free_unless_a_tool_is_strict_or_a_call_required(name: str) -> None:
    assert _form(name, TOOLS, "auto") is None
    assert _form(name, [], "auto") is None
    assert _form(name, STRICT, "none") is None


@pytest.mark.parametrize("name", DIALECTS)
def test_a_required_call_is_one_of_any_tool_and_several_only_if_parallel(name: str) -> None:
    form, single = _form(name, TOOLS, "required"), _form(name, TOOLS, "required", parallel=False)
    before = _before(name)
    for one in (form, single):
        assert _accepts(one, before + _call(name)) and _accepts(
            one, before + _call(name, "get_time")
        )
        assert not _accepts(one, before + "Hello") and not _accepts(one, before)
        assert not _accepts(one, before + _call(name, "delete_all"))
    assert _accepts(form, before + _two_calls(name))
    assert not _accepts(single, before + _two_calls(name))


@pytest.mark.parametrize("name", DIALECTS)
def test_a_named_call_is_one_of_that_tool(name: str) -> None:
    form = _form(name, TOOLS, NamedTool("get_time"))
    before = _before(name)
    assert _accepts(form, before + _call(name, "get_time"))
    assert not _accepts(form, before + _call(name))
    assert not _accepts(form, before + _two_calls(name))


@pytest.mark.parametrize("name", DIALECTS)
def test_with_a_strict_tool_an_answer_is_text_or_calls(name: str) -> None:
    form, before = _form(name, STRICT, "auto"), _before(name)
    text = before if name in ("glm45", "glm_edge") else f"{before}\n"
    for answer in (_call(name), _two_calls(name)):
        assert _accepts(form, before + answer)
    assert _accepts(form, f"{text}Hello, I like get_weather")
    assert _accepts(form, text)
    broken = _call(name).replace(CITY, '{"city"').replace("</arg_value>", "")
    assert not _accepts(form, text + broken)


@pytest.mark.parametrize("name", DIALECTS)
def test_what_is_accepted_is_read_as_calls(name: str) -> None:
    parser = dialect_for(name).parser(TOOLS, thinks=name == "glm_z1", prompt_end="<think>")
    answer = read_answer(parser, _before(name) + _two_calls(name))
    assert [(call.name, json.loads(call.arguments)) for call in answer.tool_calls] == [
        ("get_weather", {"city": "X"}),
        ("get_time", {"city": "X"}),
    ]
    assert answer.content == ""


def _schemas(form: Any) -> list[Any]:
    """List the schemas in a form."""
    if isinstance(form, dict) and form.get("type") == "json_schema":
        return [form["json_schema"]]
    parts = form.values() if isinstance(form, dict) else form if isinstance(form, list) else ()
    return [schema for part in parts for schema in _schemas(part)]


def test_a_required_call_keeps_to_its_schema_and_a_free_one_if_it_is_strict() -> None:
    anything = {"type": "object", "additionalProperties": True}
    assert _schemas(_form("glm4", TOOLS, "required")) == [SCHEMA, SCHEMA]
    assert _schemas(_form("glm_edge", STRICT, "auto")) == [SCHEMA, anything]


@pytest.mark.parametrize(
    ("function", "schema"),
    [
        ({}, {"type": "object", "properties": {}, "additionalProperties": False}),
        ({"parameters": {}}, {"type": "object", "additionalProperties": True}),
        ({"parameters": {"type": "object"}}, {"type": "object", "additionalProperties": True}),
        ({"parameters": {"properties": {}}}, {"properties": {}}),
    ],
)
def test_a_tool_without_a_schema_has_one(function: dict[str, Any], schema: dict[str, Any]) -> None:
    tool = {"type": "function", "function": {"name": "now", **function}}
    assert _schemas(_form("glm4", [tool], "required")) == [schema]


def test_glm45_holds_each_argument_to_its_own_schema() -> None:
    properties = {
        "city": {"type": "string"},
        "unit": {"type": "string", "enum": ["C", "F"]},
        "code": {"type": "string", "pattern": "[A-Z]{3}"},
        "near": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "days": {"$ref": "#/$defs/Days"},
    }
    days = {"type": "integer", "minimum": 1}
    schema = {"properties": properties, "required": ["city", "code"], "$defs": {"Days": days}}
    form = _form("glm45", [_tool("get_weather", parameters=schema)], "required")
    assert _schemas(form) == [{"$ref": "#/$defs/Days", "$defs": {"Days": days}}]
    city, code, unit = ("city", "Rome"), ("code", "ROM"), ("unit", "C")
    for members in ((city, code), (city, unit, code), (city, unit, code, ("days", "3"))):
        assert _accepts(form, "\n" + _xml("get_weather", *members))
    for members in ((city,), (city, ("unit", "K"), code), (city, ("code", "rome"))):
        assert not _accepts(form, "\n" + _xml("get_weather", *members))


def test_glm45_calls_without_known_arguments_are_held_to_their_form() -> None:
    nothing = {"type": "function", "function": {"name": "now"}}
    anything = {"type": "function", "function": {"name": "now", "parameters": {}}}
    assert _accepts(_form("glm45", [nothing], "required"), "\n" + _xml("now"))
    assert not _accepts(_form("glm45", [nothing], "required"), "\n" + _xml("now", ("a", "1")))
    form = _form("glm45", [anything], "required")
    assert _accepts(form, "\n" + _xml("now")) and _accepts(form, "\n" + _xml("now", ("a", "1")))


def test_glm45_refuses_by_name_what_a_text_cannot_be_held_to() -> None:
    tool = _tool("a", parameters={"properties": {"s": {"type": "string", "minLength": 3}}})
    with pytest.raises(OvglmError, match="'minLength' of the argument 's' is not supported"):
        dialect_for("glm45").constraint([tool], "required", True)


@pytest.mark.parametrize("name", DIALECTS)
def test_a_choice_that_the_tools_cannot_fulfil_is_refused(name: str) -> None:
    with pytest.raises(OvglmError, match="'delete_all' is not among the tools"):
        dialect_for(name).constraint(TOOLS, NamedTool("delete_all"), True)
    with pytest.raises(OvglmError, match="there are no tools"):
        dialect_for(name).constraint([], "required", True)


@pytest.mark.parametrize("name", ["glm_z1", "glm45"])
def test_a_held_answer_may_think_first(name: str) -> None:
    constraint = dialect_for(name).constraint(TOOLS, "required", True)
    assert constraint is not None
    form = json.loads(constraint.text)["format"]
    assert _accepts(form, f"\n<think>\nget_weather? Hm.</think>\n{_call(name)}")
    assert not _accepts(form, f"\n<think>\nHm.\n{_call(name)}")


@pytest.mark.parametrize("name", DIALECTS)
def test_a_text_is_held_to_a_schema(name: str) -> None:
    dialect, before = dialect_for(name), _before(name)
    thinks = None if name == "glm_z1" else False
    constraint = dialect.constraint(TOOLS, "none", True, thinks=thinks, schema=SCHEMA)
    assert constraint is not None
    form = json.loads(constraint.text)["format"]
    text = f"{before}\n{CITY}" if name in ("glm4", "glm0414", "glm_z1") else before + CITY
    assert _accepts(form, text)
    assert not _accepts(form, text + text) and not _accepts(form, before + _call(name))
    parser = dialect.parser(TOOLS, thinks=name == "glm_z1", prompt_end="<think>")
    assert read_answer(parser, text).content == CITY
    constraint = dialect.constraint(TOOLS, "auto", True, thinks=thinks, schema=SCHEMA)
    assert constraint is not None
    either = json.loads(constraint.text)["format"]
    assert _accepts(either, text) and _accepts(either, before + _two_calls(name))
    assert not _accepts(either, text.replace(CITY, "Hello"))
