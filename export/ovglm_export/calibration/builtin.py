"""The built-in texts, written for this project, and how they are mixed into samples.

A file in `texts/` is named KIND_LANGUAGE.txt and holds conversations in blocks. `=== NAME` begins
one; `@@ user`, `@@ assistant` and `@@ system` begin a message, `@@ call FUNCTION` a call with its
arguments as JSON, `@@ result` its result. `@@ tools A B` offers functions of tools.json; it stands
first, and what follows it is the system message.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any

from ovglm.messages import Message, Role, ToolCall
from ovglm_export.calibration.documents import Document
from ovglm_export.calibration.rendering import Renderer

__all__ = ["builtin_samples", "read_builtin"]

_FOLDER = Path(__file__).resolve().parent / "texts"
_ROLES: dict[str, Role] = {"system": "system", "user": "user", "assistant": "assistant"}


def read_builtin() -> tuple[Document, ...]:
    """Read all built-in conversations, file after file."""
    functions = json.loads((_FOLDER / "tools.json").read_text(encoding="utf-8"))
    tools = {one["name"]: {"type": "function", "function": one} for one in functions}
    documents = []
    for path in sorted(_FOLDER.glob("*.txt")):
        kind, _, language = path.stem.partition("_")
        for block in ("\n" + path.read_text(encoding="utf-8")).split("\n=== ")[1:]:
            name, _, body = block.partition("\n")
            messages = _read_messages(body, tools)
            where = f"built-in {path.stem}: {name}"
            documents.append(Document(where, messages, kind=kind, language=language))
    return tuple(documents)


def builtin_samples(
    documents: Sequence[Document], renderer: Renderer, samples: int, length: int
) -> tuple[tuple[int, ...], ...]:
    """Make each sample one conversation out of two or more, cut at `length` ids.

    The documents are dealt kind by kind, in another order each round, so that any number of
    samples sees all kinds in the same shares. One with a system message comes first in its sample,
    and there is one at most; of the others the longest comes last, where the cut is. A sample that
    was made before gives its end instead of its beginning.
    """
    sizes = {one.where: len(renderer.conversation(one.messages)) for one in documents}
    deck = _Deck(documents)
    prefix = renderer.prefix
    found: list[tuple[int, ...]] = []
    seen: set[tuple[int, ...]] = set()
    for _ in range(samples):
        chosen = deck.draw([])
        ids: list[int] = []
        while len(ids) < length:
            chosen = deck.draw(chosen)
            if sum(sizes[one.where] for one in chosen) >= length:
                chosen.sort(key=lambda one: (not one.opens, sizes[one.where]))
                messages = [message for one in chosen for message in one.messages]
                ids = renderer.conversation(messages)
        sample = tuple(ids[:length])
        if sample in seen:
            sample = (*prefix, *ids[len(ids) - length + len(prefix) :])
        seen.add(sample)
        found.append(sample)
    return tuple(found)


class _Deck:
    """Deals documents without end; those that a sample cannot take come first in the next."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self._dealt = _deal(documents)
        self._held: list[Document] = []

    def draw(self, chosen: Sequence[Document]) -> list[Document]:
        """Add one document to those of a sample; for a new sample, draw what was held."""
        opened = any(one.opens for one in chosen)
        for place, one in enumerate(self._held):
            if not (opened and one.opens):
                return [*chosen, self._held.pop(place)]
        while opened and (one := next(self._dealt)).opens:
            self._held.append(one)
        return [*chosen, one if opened else next(self._dealt)]


def _deal(documents: Sequence[Document]) -> Iterator[Document]:
    """Give all documents round after round, each kind and language spread evenly over a round."""
    groups: dict[tuple[str, str], list[Document]] = {}
    for one in documents:
        groups.setdefault((one.kind, one.language), []).append(one)
    for number in count():
        places = []
        for members in groups.values():
            ordered = sorted(members, key=lambda one: _rank(number, one))
            places += [((at + 0.5) / len(members), one) for at, one in enumerate(ordered)]
        yield from (one for _, one in sorted(places, key=lambda p: (p[0], _rank(number, p[1]))))


def _rank(number: int, document: Document) -> bytes:
    """Order documents in a way that no version of Python changes."""
    return hashlib.sha256(f"{number} {document.where}".encode()).digest()


def _read_messages(body: str, tools: dict[str, dict[str, Any]]) -> tuple[Message, ...]:
    messages: list[Message] = []
    offered: tuple[dict[str, Any], ...] = ()
    calls: list[str] = []
    for part in ("\n" + body).split("\n@@ ")[1:]:
        head, _, text = part.partition("\n")
        word, _, rest = head.partition(" ")
        text = text.strip("\n")
        if word == "tools":
            offered = tuple(tools[name] for name in rest.split())
            messages.append(Message("system", text, tools=offered))
        elif word == "call":
            calls.append(f"call-{len(messages)}-{len(calls)}")
            messages.append(_add_call(messages, ToolCall(rest, text, id=calls[-1])))
        elif word == "result":
            messages.append(Message("tool", text, tool_call_id=calls.pop(0)))
        else:
            messages.append(Message(_ROLES[word], text))
    return tuple(messages)


def _add_call(messages: list[Message], call: ToolCall) -> Message:
    """Take the assistant's message that the call belongs to off the list, with the call added."""
    if messages[-1].role != "assistant":
        return Message("assistant", "", tool_calls=(call,))
    last = messages.pop()
    return Message("assistant", last.content, tool_calls=(*last.tool_calls, call))
