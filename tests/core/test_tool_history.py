"""Calls and results in a conversation: what does not fit is refused, and it is said which."""

import pytest

from ovglm.dialects import DIALECTS, dialect_for
from ovglm.errors import OvglmError
from ovglm.messages import Message, ToolCall

A = ToolCall("get_weather", '{"city": "X"}', id="a")
B = ToolCall("get_time", "", id="b")
ASKED = Message("assistant", "", tool_calls=(A, B))
USER = Message("user", "?")


def _result(of: str) -> Message:
    return Message("tool", "sunny", tool_call_id=of)


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize(
    "messages",
    [
        [],
        [USER, Message("assistant", "Hi"), USER],
        [USER, ASKED, _result("a"), _result("b")],
        [USER, ASKED, _result("a"), _result("b"), Message("assistant", "Sunny."), USER],
        [USER, ASKED, _result("a"), _result("b"), ASKED, _result("a"), _result("b")],
    ],
)
def test_a_sound_history_is_accepted(name: str, messages: list[Message]) -> None:
    dialect_for(name).check_history(messages)


@pytest.mark.parametrize(
    ("messages", "error"),
    [
        ([USER, Message("tool", "sunny")], r"messages\[1\] is a result without tool_call_id"),
        ([USER, _result("a")], r"messages\[1\] is the result of 'a', and no call waits for one"),
        (
            [USER, ASKED, _result("a"), _result("b"), _result("b")],
            r"messages\[4\] is the result of 'b', and no call waits",
        ),
        (
            [USER, ASKED, _result("b"), _result("a")],
            r"messages\[2\] is the result of 'b'; that of 'a' \(get_weather\) comes first",
        ),
        (
            [USER, ASKED, _result("c")],
            r"messages\[2\] is the result of 'c', which messages\[1\] did not call .* "
            r"'a' \(get_weather\) waits",
        ),
        (
            [USER, ASKED, _result("a"), _result("a")],
            r"messages\[3\] is the result of 'a', which .* has its result; 'b' \(get_time\) waits",
        ),
        (
            [USER, ASKED, _result("a"), USER],
            r"The result of 'b' \(get_time\), called in messages\[1\], is missing: "
            r"messages\[3\], of role 'user', follows",
        ),
        (
            [USER, ASKED],
            r"The result of 'a' \(get_weather\), 'b' \(get_time\), called in messages\[1\], is "
            r"missing: the conversation ends",
        ),
        (
            [Message("user", "?", tool_call_id="a")],
            r"messages\[0\], of role 'user', has a tool_call_id",
        ),
        ([Message("user", "?", tool_calls=(A,))], r"messages\[0\], of role 'user', has tool_calls"),
        (
            [Message("assistant", "", tool_calls=(ToolCall("get_time", "{}"),))],
            r"messages\[0\]\.tool_calls\[0\] has no id",
        ),
        (
            [Message("assistant", "", tool_calls=(A, A))],
            r"messages\[0\]\.tool_calls\[1\] has the id 'a' again",
        ),
        (
            [Message("assistant", "", tool_calls=(ToolCall("get_time", "[1]", id="a"),))],
            r"The arguments of messages\[0\]\.tool_calls\[0\], 'a' \(get_time\), are no JSON",
        ),
        (
            [Message("assistant", "", tool_calls=(ToolCall("get_time", '{"a', id="a"),))],
            r"are no JSON object",
        ),
    ],
)
def test_a_history_that_does_not_fit_is_refused(messages: list[Message], error: str) -> None:
    with pytest.raises(OvglmError, match=error) as caught:
        dialect_for("glm4").check_history(messages)
    assert caught.value.hint
