"""`/image` in a chat: what is asked about, what stays, and what a saved conversation keeps."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from ovglm.chat.commands import Outcome, run_command
from ovglm.chat.conversation import Conversation
from ovglm.chat.prompt import CommandCompleter
from ovglm.chat.saved import load_conversation, save_conversation
from ovglm.chat.session import Session
from ovglm.errors import OvglmError, RequestError
from ovglm.messages import Sampling
from ovglm.pictures import Picture
from ovglm.vision_facts import VisionFacts
from small_pictures import EACH, data_url, image_part, picture_file
from talking import FAILS, ScriptedEngine, prompts, seeing_assistant, talking_assistant

PLACE = "<|begin_of_image|>" * 6
TWO = replace(EACH, most_pictures=2)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "my photo.png"
    path.write_bytes(picture_file())
    return path


def _session(*answers: str, vision: VisionFacts = EACH) -> Session:
    assistant = seeing_assistant(*answers, vision=vision)
    return Session(lambda _: assistant, Sampling())


def _run(session: Session, text: str) -> Outcome:
    outcome = run_command(session, text)
    if outcome.answer is not None:
        list(outcome.answer)
    return outcome


def _seen(session: Session) -> list[tuple[Picture, ...]]:
    assert isinstance(session.assistant.engine, ScriptedEngine)
    return session.assistant.engine.pictures


def test_a_picture_goes_with_the_next_question_and_stays(photo: Path) -> None:
    session = _session("a hat", "red")
    assert _run(session, f"/image {photo}").text == (
        "my photo.png, a picture of 40 x 20: ask about it"
    )
    assert "1 picture attached" in session.status()
    assert "".join(session.ask("what?")) == "a hat"
    assert "attached" not in session.status()
    list(session.ask("which colour?"))
    first, second = prompts(session.assistant)
    assert first == f"<|user|>\n{PLACE}what?<|assistant|>"
    assert second == f"{first}\na hat<|user|>\nwhich colour?<|assistant|>"
    assert [len(one) for one in _seen(session)] == [1, 1]
    assert _seen(session)[0] == _seen(session)[1]


@pytest.mark.parametrize("write", ["'{}'", '"{}"', "{}", "escaped"])
def test_a_path_is_read_as_terminals_paste_it(photo: Path, write: str) -> None:
    typed = str(photo).replace(" ", "\\ ") if write == "escaped" else write.format(photo)
    session = _session("x")
    _run(session, f"/image {typed}")
    assert len(session.attached) == 1


def test_image_alone_tells_and_a_dash_takes_away(photo: Path) -> None:
    session = _session("x")
    assert _run(session, "/image").text.startswith("no picture goes with the next question")
    _run(session, f"/image {photo}")
    assert _run(session, "/image").text == "with the next question: a picture of 40 x 20"
    assert _run(session, "/image -").text.startswith("no picture")
    assert session.attached == ()


@pytest.mark.parametrize(("name", "message"), [("no.png", "there is no file"), ("", "is a folder")])
def test_a_file_that_is_no_picture_is_refused_and_nothing_changes(
    tmp_path: Path, name: str, message: str
) -> None:
    session = _session("x")
    with pytest.raises(RequestError, match=message):
        run_command(session, f"/image {tmp_path / name}")
    assert session.attached == ()


def test_one_picture_too_many_is_refused_with_the_way_out(photo: Path) -> None:
    session = _session("x")
    _run(session, f"/image {photo}")
    with pytest.raises(RequestError, match="takes 1 picture in a conversation, and this") as caught:
        run_command(session, f"/image {photo}")
    assert caught.value.hint and caught.value.hint.startswith("/image -")
    list(session.ask("?"))
    with pytest.raises(RequestError, match="this one has 1") as caught:
        run_command(session, f"/image {photo}")
    assert caught.value.hint == "/reset, or /undo"


def test_where_the_model_takes_two_both_are_asked_about(photo: Path) -> None:
    session = _session("x", vision=TWO)
    for _ in range(2):
        _run(session, f"/image {photo}")
    list(session.ask("which?"))
    assert len(_seen(session)[0]) == 2


def test_a_text_model_refuses_pictures(photo: Path) -> None:
    assistant = talking_assistant("x")
    session = Session(lambda _: assistant, Sampling())
    with pytest.raises(RequestError, match="fake reads text alone"):
        run_command(session, f"/image {photo}")


def test_retry_asks_about_the_same_picture_and_keeps_a_new_one(photo: Path) -> None:
    session = _session("one", "two", vision=TWO)
    _run(session, f"/image {photo}")
    list(session.ask("?"))
    _run(session, f"/image {photo}")
    _run(session, "/retry")
    assert _seen(session)[0] == _seen(session)[1]
    assert len(session.attached) == 1 and session.conversation.turns[-1].content == "two"


def test_undo_takes_back_the_question_with_its_picture(photo: Path) -> None:
    session = _session("one", "two", "three")
    list(session.ask("first"))
    used = session.context_used
    _run(session, f"/image {photo}")
    list(session.ask("second"))
    assert _run(session, "/undo").text == "taken back: [a picture of 40 x 20] second"
    assert [turn.content for turn in session.conversation.turns] == ["first", "one"]
    assert session.conversation.pictures == () and session.context_used <= used + 20
    _run(session, f"/image {photo}")
    _run(session, "/undo")
    assert session.conversation.turns == () and session.context_used == 0
    with pytest.raises(OvglmError, match="nothing was asked"):
        run_command(session, "/undo")


def test_after_an_error_the_picture_is_still_there(photo: Path) -> None:
    session = _session(f"a{FAILS}", "b")
    _run(session, f"/image {photo}")
    with pytest.raises(OvglmError, match="stumbled"):
        list(session.ask("?"))
    assert len(session.attached) == 1
    list(session.ask("?"))
    assert len(_seen(session)[1]) == 1 and session.attached == ()


def test_reset_forgets_the_picture_too(photo: Path) -> None:
    session = _session("x")
    _run(session, f"/image {photo}")
    _run(session, "/reset")
    assert session.attached == ()


def test_a_saved_conversation_keeps_the_picture(photo: Path, tmp_path: Path) -> None:
    session = _session("a hat", "red")
    _run(session, f"/image {photo}")
    list(session.ask("what?"))
    path = tmp_path / "talk.json"
    _run(session, f"/save {path}")
    (before,) = session.conversation.pictures
    _run(session, "/reset")
    assert "> [a picture of 28 x 14] what?" in _run(session, f"/load {path}").text
    (after,) = session.conversation.pictures
    assert after.digest == before.digest
    list(session.ask("which colour?"))
    assert "what?<|assistant|>\na hat" in prompts(session.assistant)[1]
    document = json.loads(path.read_text(encoding="utf-8"))
    parts = document["turns"][0]["content"]
    assert [part["type"] for part in parts] == ["image_url", "text"]
    assert document["turns"][1]["content"] == "a hat"


def _saved(tmp_path: Path, *content: object) -> Path:
    path = tmp_path / "talk.json"
    save_conversation(path, Conversation().ask("what?").answer("x"), "m")
    document = json.loads(path.read_text(encoding="utf-8"))
    document["turns"][0]["content"] = list(content)
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def test_parts_are_read_in_any_order_as_the_page_writes_them(tmp_path: Path) -> None:
    path = _saved(tmp_path, {"type": "text", "text": "what?"}, image_part())
    turn = load_conversation(path, EACH).turns[0]
    assert turn.content == "what?" and [one.size for one in turn.pictures] == [(40, 20)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([image_part("https://a.example/b.png")], "turn 1, part 1 is a picture elsewhere"),
        ([image_part("file:///etc/passwd")], "turn 1, part 1 is a picture elsewhere"),
        ([{"type": "image_url", "image_url": 3}], "turn 1, part 1 is a picture elsewhere"),
        ([image_part(data_url(b"no"))], "turn 1, part 1: the data: URL says image/png"),
        ([image_part(data_url(picture_file()[:60]))], "turn 1, part 1 is damaged"),
        ([image_part(), image_part()], "has 2 pictures; this model takes 1"),
        (["what?"], "turn 1, part 1 is neither a text nor a picture"),
        ([{"type": "audio"}], "turn 1, part 1 is neither"),
        ([{"type": "text", "text": 3}], "turn 1, part 1 is neither"),
    ],
)
def test_a_saved_picture_that_cannot_be_read_is_refused_by_its_turn(
    tmp_path: Path, content: list[object], message: str
) -> None:
    with pytest.raises(OvglmError, match=message) as caught:
        load_conversation(_saved(tmp_path, *content), EACH)
    assert str(tmp_path / "talk.json") in caught.value.message


def test_a_text_model_does_not_go_on_with_pictures(tmp_path: Path) -> None:
    with pytest.raises(OvglmError, match="is a picture, and this model reads text alone"):
        load_conversation(_saved(tmp_path, image_part()))


def test_only_a_user_s_turn_has_pictures(tmp_path: Path) -> None:
    path = _saved(tmp_path, {"type": "text", "text": "what?"})
    document = json.loads(path.read_text(encoding="utf-8"))
    document["turns"][1]["content"] = [image_part()]
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(OvglmError, match="turn 2, of 'assistant', has a picture"):
        load_conversation(path, EACH)


def test_the_tab_key_completes_folders_and_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "photos").mkdir()
    for name in ("photo.JPG", "notes.txt", "phone.webp"):
        (tmp_path / name).touch()
    text = f"/image {tmp_path}/pho"
    found = CommandCompleter().get_completions(Document(text, len(text)), CompleteEvent())
    assert sorted(one.text for one in found) == ["ne.webp", "to.JPG", "tos"]
