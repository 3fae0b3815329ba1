"""Prompts with pictures, in both families: where their places are, and what can never make one."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ovglm.dialects import DIALECTS, dialect_for
from ovglm.dialects.tools import offer_tools
from ovglm.errors import OvglmError, RequestError
from ovglm.messages import Message
from ovglm.pictures import Picture, read_picture
from ovglm.template import ChatTemplate, encode_chat
from ovglm.tokens import Tokenizer
from ovglm.vision_facts import VisionFacts
from small_pictures import EACH, SPAN, picture_file
from tiny_glm import TEMPLATE
from tiny_vision import BEGIN_ID, END_ID, write_vision_checkpoint

EDGE = replace(EACH, begin_id=BEGIN_ID, end_id=END_ID, most_pictures=2)
WIDE = replace(SPAN, begin_id=BEGIN_ID, end_id=END_ID, most_pictures=2)
PLACE = {EDGE: "<|begin_of_image|>" * 6, WIDE: "<|begin_of_image|><|endoftext|><|end_of_image|>"}
BOTH = pytest.mark.parametrize("vision", [EDGE, WIDE], ids=["edge", "4v"])
TOOL = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint in GLM-Edge-V's layout, whose template writes six tokens for a picture."""
    return write_vision_checkpoint(tmp_path_factory.mktemp("edge") / "source", "glm_edge_v")


@pytest.fixture(scope="module")
def picture() -> Picture:
    return read_picture(picture_file(), EACH)


class Prompts:
    """Encodes messages as an assistant does it for each family."""

    def __init__(self, folder: Path) -> None:
        self.tokenizer = Tokenizer.load(folder)
        self.templates = {EDGE: ChatTemplate.load(folder), WIDE: ChatTemplate(TEMPLATE)}
        self.dialects = {EDGE: dialect_for("glm_edge"), WIDE: dialect_for("glm4")}

    def ids(self, vision: VisionFacts, *messages: Message) -> list[int]:
        turns = self.dialects[vision].render(messages)
        return encode_chat(self.templates[vision], self.tokenizer, turns, vision=vision)

    def text(self, vision: VisionFacts, *messages: Message) -> str:
        return self.tokenizer.decode(self.ids(vision, *messages), skip_special=False)


@pytest.fixture(scope="module")
def prompts(folder: Path) -> Prompts:
    return Prompts(folder)


def test_a_picture_stands_in_front_of_its_text(prompts: Prompts, picture: Picture) -> None:
    asked = Message("user", "what is it?", pictures=(picture,))
    assert prompts.text(EDGE, asked) == (f"<|user|>\n{PLACE[EDGE]}what is it?<|assistant|>\n")
    assert prompts.text(WIDE, asked) == (
        f"[gMASK]<sop><|user|>\n{PLACE[WIDE]}what is it?<|assistant|>"
    )


@BOTH
def test_pictures_of_earlier_turns_stay_where_they_were(
    vision: VisionFacts, prompts: Prompts, picture: Picture
) -> None:
    talk = [
        Message("user", "hello"),
        Message("assistant", "hi"),
        Message("user", "this?", pictures=(picture,)),
        Message("assistant", "a hat"),
        Message("user", "", pictures=(picture,)),
        Message("assistant", "another"),
        Message("user", "sure?"),
    ]
    text = prompts.text(vision, *talk)
    place = PLACE[vision]
    assert text.count(place) == 2 and text.count("<|begin_of_image|>") == 2 * place.count("begin")
    assert f"hello<|assistant|>\nhi<|user|>\n{place}this?<|assistant|>" in text
    assert f"a hat<|user|>\n{place}<|assistant|>" in text
    assert "another<|user|>\nsure?<|assistant|>" in text


@BOTH
def test_several_pictures_of_one_turn_stand_behind_each_other(
    vision: VisionFacts, prompts: Prompts, picture: Picture
) -> None:
    text = prompts.text(vision, Message("user", "these?", pictures=(picture, picture)))
    assert f"<|user|>\n{PLACE[vision] * 2}these?" in text


@BOTH
def test_a_conversation_without_pictures_is_as_it_was(
    vision: VisionFacts, prompts: Prompts
) -> None:
    talk = [Message("user", "hello"), Message("assistant", "hi"), Message("user", "more")]
    turns = prompts.dialects[vision].render(talk)
    plain = encode_chat(prompts.templates[vision], prompts.tokenizer, turns)
    assert prompts.ids(vision, *talk) == plain


@BOTH
@pytest.mark.parametrize(
    "text", ["<|begin_of_image|>", "<|end_of_image|>", "<|assistant|>", "\ue000\ue001\ue002"]
)
def test_a_text_never_makes_a_place_or_a_turn(
    vision: VisionFacts, text: str, prompts: Prompts, picture: Picture
) -> None:
    alone = prompts.ids(vision, Message("user", "", pictures=(picture,)))
    ids = prompts.ids(vision, Message("user", text, pictures=(picture,)))
    controls = {prompts.tokenizer.token_id(one) for one in prompts.tokenizer.controls}
    assert [one for one in ids if one in controls] == [one for one in alone if one in controls]
    assert text in prompts.text(vision, Message("user", text, pictures=(picture,)))


@BOTH
def test_more_pictures_than_the_model_takes_are_refused_with_both_numbers(
    vision: VisionFacts, prompts: Prompts, picture: Picture
) -> None:
    talk = [
        Message("user", "a", pictures=(picture, picture)),
        Message("assistant", "b"),
        Message("user", "c", pictures=(picture,)),
    ]
    with pytest.raises(RequestError, match="has 3 pictures, and this model takes 2") as caught:
        prompts.ids(vision, *talk)
    assert caught.value.hint and "new conversation" in caught.value.hint


@pytest.mark.parametrize("name", DIALECTS)
def test_a_text_model_given_a_picture_refuses_it(
    name: str, prompts: Prompts, picture: Picture
) -> None:
    turns = dialect_for(name).render([Message("user", "this?", pictures=(picture,))])
    with pytest.raises(RequestError, match="reads text alone") as caught:
        encode_chat(ChatTemplate(TEMPLATE), prompts.tokenizer, turns)
    assert caught.value.hint


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize("role", ["system", "assistant", "tool"])
def test_only_a_user_s_message_has_pictures(name: str, role: Any, picture: Picture) -> None:
    with pytest.raises(RequestError, match=f"role '{role}' has a picture"):
        dialect_for(name).render([Message(role, "x", pictures=(picture,))])


@pytest.mark.parametrize("pictures", [0, 1])
def test_an_instruction_that_the_template_drops_goes_in_front_of_the_first_text(
    pictures: int, prompts: Prompts, picture: Picture
) -> None:
    assert prompts.templates[EDGE].drops_system and not prompts.templates[WIDE].drops_system
    talk = [
        Message("system", "Be brief."),
        Message("user", "this?", pictures=(picture,) * pictures),
        Message("assistant", "a hat"),
        Message("user", "more"),
    ]
    assert prompts.text(EDGE, *talk) == (
        f"<|user|>\n{PLACE[EDGE] * pictures}Be brief.\n\nthis?<|assistant|>\na hat"
        "<|user|>\nmore<|assistant|>\n"
    )
    assert f"<|system|>\nBe brief.<|user|>\n{PLACE[WIDE] * pictures}" in prompts.text(WIDE, *talk)


def test_tools_reach_a_model_whose_template_drops_instructions(
    prompts: Prompts, picture: Picture
) -> None:
    talk = offer_tools([Message("user", "this?", pictures=(picture,))], [TOOL])
    text = prompts.text(EDGE, *talk)
    assert '"name": "look_up"' in text
    assert text.startswith(f"<|user|>\n{PLACE[EDGE]}# Tools") and "this?<|assistant|>" in text


def test_a_template_with_other_places_than_the_tower_has_vectors_is_refused(
    prompts: Prompts, picture: Picture
) -> None:
    other = replace(EDGE, vectors=7)
    turns = prompts.dialects[EDGE].render([Message("user", "x", pictures=(picture,))])
    with pytest.raises(RequestError, match="writes 6 places for 1 picture; the model reads 7"):
        encode_chat(prompts.templates[EDGE], prompts.tokenizer, turns, vision=other)


def test_a_template_that_knows_texts_and_parts_writes_its_pictures_itself(
    prompts: Prompts, picture: Picture
) -> None:
    source = (
        "{% for m in messages %}<|{{ m.role }}|>\n{% if m.content is string %}{{ m.content }}"
        "{% else %}{% for part in m.content %}{% if part.type == 'image' %}"
        "{% for _ in range(6) %}<|begin_of_image|>{% endfor %}{% else %}{{ part.text }}{% endif %}"
        "{% endfor %}{% endif %}{% endfor %}"
    )
    template = ChatTemplate(source)
    assert template.writes_pictures and not template.wants_parts
    talk = [Message("user", "hello"), Message("user", "x", pictures=(picture,))]
    ids = encode_chat(template, prompts.tokenizer, dialect_for("glm4").render(talk), vision=EDGE)
    text = prompts.tokenizer.decode(ids, skip_special=False)
    assert text == f"<|user|>\nhello<|user|>\n{PLACE[EDGE]}x"


def test_a_template_that_writes_whatever_it_gets_does_not_write_pictures() -> None:
    assert not ChatTemplate(TEMPLATE).writes_pictures
    assert not ChatTemplate("{{ raise_exception('never') }}").writes_pictures


def test_the_private_characters_that_are_left_are_counted(prompts: Prompts) -> None:
    everything = "".join(map(chr, range(0xE000, 0xF900)))
    with pytest.raises(OvglmError, match="private-use"):
        prompts.ids(WIDE, Message("user", everything))
