"""The built-in calibration texts are whole and right: code compiles, sums are correct."""

import ast
import json
import re
from fractions import Fraction

import jsonschema
import pytest

from ovglm.dialects.history import check_history
from ovglm.messages import Message
from ovglm_export.calibration import BUILTIN, check_calibration
from ovglm_export.calibration.documents import Document

DOCUMENTS = check_calibration(BUILTIN)
_NUMBER = r"\d+(?:\.\d+)?"
_TERM = rf"{_NUMBER}(?: [-+×*÷/] {_NUMBER})+"
_EQUATION = re.compile(rf"(?<![\w.(×*÷/+-] )(?<![\w.]){_TERM} = {_NUMBER}(?![\d/%]|\.\d)")
_FENCE = re.compile(r"```(\w*)\n(.*?)```", re.DOTALL)


def _answers(document: Document) -> list[str]:
    return [one.content for one in document.messages if one.role == "assistant"]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda one: one.where)
def test_a_conversation_is_whole(document: Document) -> None:
    check_history(document.messages)
    roles = [one.role for one in document.messages if one.role != "tool"]
    assert document.messages[-1].role in ("assistant", "user")
    assert roles.index("user") == (1 if document.opens else 0)
    for one in document.messages:
        assert one.content == one.content.strip()
        assert one.content or one.tool_calls or one.tools
        assert "@@" not in one.content and "===" not in one.content


def test_names_are_unique_and_no_two_texts_are_equal() -> None:
    assert len({one.where for one in DOCUMENTS}) == len(DOCUMENTS)
    texts = [tuple(message.content for message in one.messages) for one in DOCUMENTS]
    assert len(set(texts)) == len(texts)


def test_both_languages_hold_about_as_much() -> None:
    sizes = {"en": 0, "zh": 0}
    for one in DOCUMENTS:
        sizes[one.language] += sum(len(message.content.encode()) for message in one.messages)
    assert 0.8 < sizes["zh"] / sizes["en"] < 1.25


def test_every_equation_is_true() -> None:
    checked = 0
    for document in DOCUMENTS:
        for text in _answers(document) if document.kind in ("arithmetic", "brief") else []:
            for equation in _EQUATION.findall(text):
                left, _, right = equation.rpartition(" = ")
                assert _value(left) == Fraction(right), f"{document.where}: {equation}"
                checked += 1
    assert checked > 80


def _value(text: str) -> Fraction:
    """Compute a sum or a product from left to right, products first."""
    tree = ast.parse(text.replace("×", "*").replace("÷", "/"), mode="eval")
    return _compute(tree.body)


def _compute(node: ast.expr) -> Fraction:
    if isinstance(node, ast.Constant):
        return Fraction(str(node.value))
    assert isinstance(node, ast.BinOp)
    left, right = _compute(node.left), _compute(node.right)
    if isinstance(node.op, ast.Add):
        return left + right
    if isinstance(node.op, ast.Sub):
        return left - right
    return left * right if isinstance(node.op, ast.Mult) else left / right


def test_code_and_json_in_fences_can_be_read() -> None:
    kinds = {"python": 0, "json": 0}
    for document in DOCUMENTS:
        for language, code in (
            pair for text in _answers(document) for pair in _FENCE.findall(text)
        ):
            if language == "python":
                compile(code, document.where, "exec")
            elif language == "json":
                json.loads(code)
            kinds[language] = kinds.get(language, 0) + 1
    assert kinds["python"] >= 7 and kinds["json"] >= 2


def test_fences_are_closed() -> None:
    for document in DOCUMENTS:
        for one in document.messages:
            assert one.content.count("```") % 2 == 0, document.where


def test_calls_keep_to_the_functions_that_are_offered() -> None:
    called = set()
    for document in DOCUMENTS:
        offered = {
            tool["function"]["name"]: tool["function"]["parameters"]
            for one in document.messages
            for tool in one.tools
        }
        for call in (call for one in document.messages for call in one.tool_calls):
            jsonschema.validate(json.loads(call.arguments), offered[call.name])
            called.add(call.name)
        for name in (one.content for one in document.messages if _is_json(one)):
            json.loads(name)
    assert len(called) >= 10


def _is_json(message: Message) -> bool:
    return message.role == "tool" and message.content.startswith(("{", "["))
