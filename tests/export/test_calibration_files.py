"""What is wrong with a calibration file is said in one sentence, with the line."""

import json
from pathlib import Path

import pytest

from ovglm.errors import OvglmError
from ovglm_export.calibration import check_calibration

GOOD = '{"text": "fine"}'


def _lines(*messages: str) -> str:
    return "".join(f'{{"messages": [{one}]}}\n' for one in messages)


def _user(content: str = '"Hi"') -> str:
    return f'{{"role": "user", "content": {content}}}'


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"text": "open', "line 3: this is not JSON: Unterminated string .*column 10"),
        ("[1" * 100_000, "line 3: this is not JSON"),
        ("[1, 2]", "line 3: this is a list, not an object"),
        ("17", "line 3: this is a number, not an object"),
        ('{"prompt": "a", "answer": "b"}', "line 3: .* neither messages nor text, but 'prompt'"),
        ("{}", "line 3: this has neither messages nor text, but no field at all"),
        ('{"text": "a", "messages": []}', "line 3: this has both messages and text"),
        ('{"text": null}', "line 3: its text is null"),
        ('{"text": "  "}', "line 3: its text is empty"),
        ('{"messages": []}', "line 3: messages is not a list with messages in it"),
        ('{"messages": ["Hi"]}', r"line 3: messages\[0\] is not an object"),
        (
            '{"messages": [{"role": "bot", "content": "Hi"}]}',
            r"line 3: messages\[0\] has the role 'bot'",
        ),
        ('{"messages": [{"role": "user"}]}', r"line 3: messages\[0\] has no content"),
        (_lines(_user("3")), r"line 3: messages\[0\].content is not a text"),
        (_lines(_user('[{"type": "image_url"}]')), r"messages\[0\] has a part of type 'image_url'"),
        (
            _lines('{"role": "user", "content": "Hi", "images": ["a.png"]}'),
            r"line 3: messages\[0\] has a field 'images', which no GLM reads",
        ),
        (
            _lines('{"role": "tool", "content": "4", "tool_call_id": "c"}'),
            r"line 3: messages\[0\] is the result of 'c', and no call waits",
        ),
        (
            _lines('{"role": "assistant", "tool_calls": [{"id": "c"}]}'),
            r"line 3: messages\[0\].tool_calls\[0\] is not a call of a function",
        ),
        (
            '{"messages": [{"role": "user", "content": "Hi"}], "tools": [{"name": "f"}]}',
            "line 3: A tool has the type None",
        ),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, words: str) -> None:
    file = tmp_path / "my.jsonl"
    file.write_text(f"{GOOD}\n\n{line}\n{GOOD}\n", encoding="utf-8")
    with pytest.raises(OvglmError, match=words) as info:
        check_calibration(str(file))
    assert info.value.message.startswith(f"{file}, line 3")
    assert "\n" not in info.value.message and info.value.hint


@pytest.mark.parametrize("name", ["my.txt", "my.jsonl"])
def test_bytes_that_are_not_utf8_are_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b'{"text": "a"}\n{"text": "\xe9t\xe9"}\n')
    with pytest.raises(OvglmError, match=r"line 2: byte 0xe9 is not UTF-8"):
        check_calibration(str(tmp_path / name))


@pytest.mark.parametrize("content", [b"", b" \n\n", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("name", ["my.txt", "my.jsonl"])
def test_an_empty_file_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(OvglmError, match=f"{name} is empty"):
        check_calibration(str(tmp_path / name))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("chats.csv", "chats.csv ends in '.csv'; calibration text is .txt or .jsonl"),
        ("bultin", "bultin has no suffix"),
        ("absent.txt", "absent.txt cannot be read"),
    ],
)
def test_other_sources_are_refused(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(OvglmError, match=words):
        check_calibration(str(tmp_path / name))


def test_a_windows_file_reads_as_any_other(tmp_path: Path) -> None:
    lines = [GOOD, json.dumps({"messages": [{"role": "developer", "content": "Be kind."}]})]
    file = tmp_path / "my.jsonl"
    file.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(lines).encode())
    text, chat = check_calibration(str(file))
    assert text.text == "fine"
    assert chat.messages[0].role == "system" and chat.messages[0].content == "Be kind."
