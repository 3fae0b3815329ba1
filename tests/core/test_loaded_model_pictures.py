"""Pictures in the Python API: as paths, bytes and Pillow's, with one question and over several."""

import asyncio
import io
from pathlib import Path

import pytest
from PIL import Image

from ovglm.errors import OvglmError, RequestError
from ovglm.loaded_model import ImageSource, LoadedModel
from ovglm.messages import Message, Sampling
from small_pictures import picture_file
from talking import ScriptedEngine, prompts, seeing_assistant, talking_assistant

PLACE = "<|begin_of_image|>" * 6


def _model(*answers: str) -> tuple[LoadedModel, ScriptedEngine]:
    assistant = seeing_assistant(*answers)
    assert isinstance(assistant.engine, ScriptedEngine)
    return LoadedModel(assistant), assistant.engine


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "red.png"
    path.write_bytes(picture_file())
    return path


def test_a_path_bytes_and_a_picture_of_pillow_s_ask_the_same(path: Path) -> None:
    raw = path.read_bytes()
    sources: list[ImageSource] = [path, str(path), raw, Image.open(io.BytesIO(raw))]
    model, engine = _model("a hat")
    for source in sources:
        assert str(model.chat("What is this?", Sampling(), images=[source])) == "a hat"
    assert len({one.digest for (one,) in engine.pictures}) == 1
    assert len({ids for ids, _ in engine.requests}) == 1


def test_the_picture_belongs_to_the_last_message() -> None:
    assistant = seeing_assistant("red")
    talk = [Message("user", "hi"), Message("assistant", "hello"), Message("user", "colour?")]
    LoadedModel(assistant).chat(talk, Sampling(), images=[picture_file()])
    assert f"<|user|>\n{PLACE}colour?" in prompts(assistant)[0]


def test_a_picture_that_was_read_once_is_asked_about_again(path: Path) -> None:
    model, engine = _model("a hat", "red")
    picture = model.picture(path)
    asked = [Message("user", "What is this?", pictures=(picture,))]
    answer = model.chat(asked, Sampling())
    more = [*asked, Message("assistant", str(answer)), Message("user", "Which colour?")]
    assert str(model.chat(more, Sampling())) == "red"
    assert engine.pictures == [(picture,), (picture,)]
    model.chat("And now?", Sampling(), images=[picture])
    assert engine.pictures[2] == (picture,)


def test_streams_and_coroutines_take_pictures_too(path: Path) -> None:
    model, engine = _model("a hat")
    assert "".join(model.stream("?", Sampling(), images=[path])) == "a hat"
    assert str(asyncio.run(model.achat("?", Sampling(), images=[path]))) == "a hat"
    assert [len(one) for one in engine.pictures] == [1, 1]


def test_usage_counts_the_picture(path: Path) -> None:
    model, engine = _model("a hat")
    usage = model.chat("?", Sampling(), images=[path]).usage
    assert usage.prompt_tokens == len(engine.requests[0][0]) > 6


def test_refusals_say_what_is_wrong(path: Path, tmp_path: Path) -> None:
    model, engine = _model("x")
    with pytest.raises(RequestError, match="there is no file"):
        model.chat("?", images=[tmp_path / "none.png"])
    with pytest.raises(RequestError, match="has 2 pictures, and this model takes 1"):
        model.chat("?", images=[path, path])
    with pytest.raises(RequestError, match="role 'assistant' has a picture"):
        model.chat([Message("user", "?"), Message("assistant", "!")], images=[path])
    assert engine.requests == []
    blind = LoadedModel(talking_assistant("x"))
    with pytest.raises(RequestError, match="fake reads text alone"):
        blind.chat("?", images=[path])
    with pytest.raises(OvglmError, match="neither"):
        model.picture(3)  # type: ignore[arg-type]
