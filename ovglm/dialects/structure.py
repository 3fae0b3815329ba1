"""The forms that answers can be held to, as data; knows neither a dialect nor who enforces them.

A form is a node of xgrammar's structural tags (its docs/tutorials/structural_tag.md, version
0.1.31), which openvino_genai takes as a text: `StructuredOutputConfig(structural_tags_config=…)`.
"""

import json
from collections.abc import Sequence
from typing import Any

from ovglm.messages import Constraint

__all__ = [
    "ANY_TEXT",
    "NOTHING",
    "Form",
    "exactly",
    "json_of",
    "matching",
    "one_of",
    "separated",
    "sequence",
    "tag",
    "text_with",
    "to_constraint",
]

Form = dict[str, Any]

# All of an answer, or of a tag's inside up to the tag's end.
ANY_TEXT: Form = {"type": "any_text"}
NOTHING: Form = {"type": "grammar", "grammar": 'root ::= ""'}


def to_constraint(form: Form) -> Constraint:
    """Wrap the form of a whole answer.

    The text is {"type": "structural_tag", "format": form}. The nodes of a form are
    {"type": "const_string", "value": …}, {"type": "regex", "pattern": …},
    {"type": "grammar", "grammar": EBNF}, {"type": "json_schema", "json_schema": …},
    {"type": "any_text"}, {"type": "sequence" | "or", "elements": […]}, and those of `tag`,
    `separated` and `text_with`.
    """
    whole = {"type": "structural_tag", "format": form}
    return Constraint("structural", json.dumps(whole, ensure_ascii=False))


def exactly(text: str) -> Form:
    """Only this text, of at least one character."""
    return {"type": "const_string", "value": text}


def matching(pattern: str) -> Form:
    """Texts that the regular expression matches as a whole."""
    return {"type": "regex", "pattern": pattern}


def json_of(schema: Any) -> Form:
    """JSON that the schema allows."""
    return {"type": "json_schema", "json_schema": schema}


def sequence(*forms: Form) -> Form:
    """The forms one after another; only the last may have no end of its own."""
    return forms[0] if len(forms) == 1 else {"type": "sequence", "elements": list(forms)}


def one_of(*forms: Form) -> Form:
    """Any of the forms; either all or none of them may have no end of their own."""
    return forms[0] if len(forms) == 1 else {"type": "or", "elements": list(forms)}


def tag(begin: str, content: Form, end: str) -> Form:
    """`content` between two texts; one of them may be empty."""
    return {"type": "tag", "begin": begin, "content": content, "end": end}


def separated(tags: Sequence[Form], separator: str, is_single: bool) -> Form:
    """At least one of the tags, with a text between them and nothing else; only one if is_single.

    Counts as a form without an end of its own.
    """
    return {
        "type": "tags_with_separator",
        "tags": list(tags),
        "separator": separator,
        "at_least_one": True,
        "stop_after_first": is_single,
    }


def text_with(
    tags: Sequence[Form], trigger: str, is_single: bool, excludes: Sequence[str] = ()
) -> Form:
    """Any text, and the tags in it, all of which begin with `trigger`; after one only if is_single.

    excludes: what the text must not contain.
    """
    return {
        "type": "triggered_tags",
        "triggers": [trigger],
        "tags": list(tags),
        "excludes": list(excludes),
        "at_least_one": False,
        "stop_after_first": is_single,
    }
