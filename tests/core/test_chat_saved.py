"""Conversations on disk: kept whole, and refused by name where a file is something else."""

import json
from pathlib import Path

import pytest

from ovglm.chat.conversation import Conversation
from ovglm.chat.saved import list_saved, load_conversation, save_conversation, saved_path
from ovglm.errors import OvglmError
from ovglm.messages import Message, ToolCall

ASKED = {"role": "user", "content": "x"}
FUNCTION = {"name": "f", "arguments": "{}"}
CALL = {
    "role": "assistant",
    "content": "",
    "tool_calls": [{"id": "a", "type": "function", "function": FUNCTION}],
}
RESULT = {"role": "tool", "content": "y", "tool_call_id": "a"}
TALK = Conversation("Be brief.").ask("你好 😀").answer("Hi!\n")


def test_a_conversation_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "new" / "talk.json"
    save_conversation(path, TALK, "nano")
    assert load_conversation(path) == TALK
    document = json.loads(path.read_text(encoding="utf-8"))
    assert document["model"] == "nano"
    assert "你好" in path.read_text(encoding="utf-8")


CALLED = Conversation(
    "",
    (
        Message("user", "the weather?"),
        Message("assistant", "", tool_calls=(ToolCall("get_weather", '{"city": "Rome"}', "a"),)),
        Message("tool", "sunny", tool_call_id="a"),
        Message("assistant", "It is sunny.", thought="So it is."),
    ),
)


def test_calls_results_and_thoughts_come_back_too(tmp_path: Path) -> None:
    path = tmp_path / "talk.json"
    talk = CALLED.ask("and tomorrow?").answer("Rain.")
    save_conversation(path, talk, "nano")
    assert load_conversation(path) == talk
    save_conversation(path, Conversation("", CALLED.turns[:3]), "nano")
    assert len(load_conversation(path).turns) == 3


def test_a_bare_name_lies_in_our_own_folder_and_is_listed(home: Path) -> None:
    assert saved_path("friday") == home / "chats" / "friday.json"
    assert list_saved() == []
    save_conversation(saved_path("friday"), TALK, "nano")
    assert list_saved() == ["friday"]


def test_anything_else_is_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert saved_path("friday.json") == tmp_path / "friday.json"
    assert saved_path("./friday") == tmp_path / "friday"
    assert saved_path(str(tmp_path / "x")) == tmp_path / "x"


def test_a_saved_conversation_can_be_saved_again(tmp_path: Path) -> None:
    path = tmp_path / "talk.json"
    save_conversation(path, TALK, "nano")
    save_conversation(path, TALK.ask("more").answer("yes"), "nano")
    assert len(load_conversation(path).turns) == 4


@pytest.mark.parametrize("content", ["my diary", '{"name": "package.json"}'])
def test_another_file_is_never_overwritten(tmp_path: Path, content: str) -> None:
    path = tmp_path / "diary.json"
    path.write_text(content)
    with pytest.raises(OvglmError, match="is no saved conversation"):
        save_conversation(path, TALK, "nano")
    assert path.read_text() == content


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OvglmError, match="cannot be written"):
        save_conversation(tmp_path / "file" / "talk.json", TALK, "nano")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "letter"}, "is no saved conversation"),
        ({"format_version": 2}, "format version 2"),
        ({"system": 3}, "system instruction is not a text"),
        ({"turns": "none"}, "has no list of turns"),
        ({"turns": ["hello"]}, "turn 1 has no text"),
        ({"turns": [{"role": "user", "content": None}]}, "turn 1 has no text"),
        ({"turns": [{"role": "assistant", "content": "x"}]}, "turn 1 is of 'assistant'"),
        (
            {"turns": [{"role": "user", "content": "x"}, {"role": "tool", "content": "x"}]},
            "turn 2 is of 'tool', not of the assistant",
        ),
        ({"turns": [{"role": "system", "content": "x"}]}, "turn 1 is of 'system'"),
        ({"turns": [ASKED, {**CALL, "tool_calls": 3}]}, "turn 2 has a field of a wrong type"),
        ({"turns": [ASKED, {**CALL, "tool_calls": [{}]}]}, "turn 2 has a call without name"),
        ({"turns": [ASKED, CALL]}, "called in .*turn 2, is missing: the conversation ends"),
        ({"turns": [ASKED, CALL, ASKED]}, "turn 3 is of 'user', not of the assistant"),
        ({"turns": [ASKED, CALL, {**RESULT, "tool_call_id": "b"}]}, "turn 3 is the result of 'b'"),
        ({"turns": [ASKED, CALL, RESULT, RESULT]}, "turn 4 is the result of 'a', and no call"),
    ],
)
def test_a_file_that_is_not_as_it_should_be_is_refused_by_name(
    tmp_path: Path, change: dict, message: str
) -> None:
    path = tmp_path / "talk.json"
    save_conversation(path, TALK, "nano")
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | change))
    with pytest.raises(OvglmError, match=message) as caught:
        load_conversation(path)
    assert str(path) in caught.value.message


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000])
def test_a_file_without_json_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "talk.json"
    path.write_bytes(content)
    with pytest.raises(OvglmError, match="no saved conversation"):
        load_conversation(path)


def test_an_absent_file_is_refused_with_the_way_to_the_list(tmp_path: Path) -> None:
    with pytest.raises(OvglmError, match="there is no file") as caught:
        load_conversation(tmp_path / "none.json")
    assert caught.value.hint and "/load" in caught.value.hint
