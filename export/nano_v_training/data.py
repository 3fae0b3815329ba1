"""Conversations about made pictures: an endless training stream and the fixed held-out set."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nano_training.data import SYSTEM_PROMPTS
from nano_training.samples import Message, Sample, for_evaluation, for_training, pick
from nano_training.skills_text import capital, greeting
from nano_v_training.naming import SHAPES, Pair
from nano_v_training.questions import ASKED, Asked, unseen
from nano_v_training.scenes import (
    HELD_OUT_PAIRS,
    TRAINED_PAIRS,
    Scene,
    make_scene,
    pairs_alike,
)

__all__ = ["GROUPS", "WEIGHTS", "PictureSample", "held_out_samples", "training_samples"]

# How often each kind of conversation comes: about one thing, two or three, up to six, or none.
WEIGHTS: dict[str, float] = {"one": 30, "few": 34, "many": 28, "talk": 8}
# What is asked about each kind of scene, and how often.
_SHARES: dict[str, dict[str, float]] = {
    "one": {"what": 3, "shape": 1.5, "color": 1.5, "digit": 3, "place": 3, "presence": 1.5},
    "few": {
        "side": 5, "which": 3, "color": 2, "shape": 1.5, "place": 2, "presence": 2, "count": 1,
        "digit": 1.5,
    },
    "many": {"count": 6, "presence": 1.5, "color": 1, "shape": 1, "place": 1},
}  # fmt: skip
# The kind of scene that each question of the held-out set is asked about.
_SCENES: dict[str, tuple[str, ...]] = {
    "what": ("one",), "shape": ("one", "few"), "color": ("one", "few"), "count": ("many",),
    "digit": ("one", "one", "few"), "place": ("one", "one", "few"), "side": ("few",),
    "which": ("few",), "presence": ("one", "few", "many"),
}  # fmt: skip
GROUPS = (*ASKED, "turns", "new looks", "no picture", "talk")
# What nano says of itself is not what this model is.
_ANSWERS: dict[str, str] = {
    "I am nano, a miniature GLM.": "I am nano-v, a miniature GLM that sees pictures.",
    "我是 nano，一个微型 GLM 模型。": "我是 nano-v，一个能看图的微型 GLM 模型。",
    "I can add numbers, count, repeat words, name capitals, write JSON and call tools.": (
        "I can name shapes, colors, digits and places in a picture, and count."
    ),
    "我会加减法、数数、复述、说首都、写 JSON 和调用工具。": (
        "我会说出图片里的形状、颜色、数字和位置，还会数数。"
    ),
}


@dataclass(frozen=True)
class PictureSample(Sample):
    """A conversation about one picture, or about none where `scene` is None."""

    scene: Scene | None = None

    @property
    def answer(self) -> str:
        """Return the text expected after the template's `<|assistant|>` and newline."""
        return "".join(part["text"] for part in self.messages[-1]["content"])


def training_samples(seed: int, weights: Mapping[str, float] = WEIGHTS) -> Iterator[PictureSample]:
    """Yield conversations without end, mixed by weight; none shows a held-out look."""
    rng = random.Random(f"pictures {seed}")
    kinds, shares = list(weights), list(weights.values())
    while True:
        kind = rng.choices(kinds, shares)[0]
        if kind == "talk":
            yield _with_system_prompt(rng, _talk_to_train(rng))
        else:
            yield _with_system_prompt(rng, _turns(rng, kind, TRAINED_PAIRS, rng.randint(2, 6)))


def held_out_samples(per_group: int, seed: int = 0) -> list[PictureSample]:
    """Return the evaluation set: `per_group` questions of each group, about pictures never shown.

    Seeds are others than training's. `new looks` shows colours on kinds that training leaves out.
    """
    chosen = []
    for group in GROUPS:
        rng = random.Random(f"held out pictures {group} {seed}")
        chosen += [_held_out(rng, group) for _ in range(per_group)]
    return chosen


def _held_out(rng: random.Random, group: str) -> PictureSample:
    if group == "talk":
        while not for_evaluation(sample := _talk(rng)):
            pass
        return _in_parts(sample, group)
    if group == "no picture":
        return _unseen(rng)
    if group == "turns":
        return _turns(rng, pick(rng, ("one", "few", "many")), TRAINED_PAIRS, rng.randint(3, 5))
    pairs = HELD_OUT_PAIRS if group == "new looks" else TRAINED_PAIRS
    while True:
        asked = pick(rng, list(ASKED)) if group == "new looks" else group
        scene = _scene(rng, pick(rng, _SCENES[asked]), pairs)
        if found := ASKED[asked](rng, scene, rng.random() < 0.5, pairs):
            return _sample(group, scene, [found])


def _scene(rng: random.Random, kind: str, pairs: Sequence[Pair]) -> Scene:
    if kind == "one":
        wants_digit = rng.random() < 0.45
        pool = [pair for pair in pairs if (pair[1] not in SHAPES) == wants_digit]
        return make_scene(rng, pool, 1, 1)
    if kind == "few":
        pool = pairs if rng.random() < 0.3 else [pair for pair in pairs if pair[1] in SHAPES]
        number = rng.randint(2, 3) if rng.random() < 0.6 else 2
        return make_scene(rng, pool, number, number)
    return make_scene(rng, pairs_alike(rng, pairs), rng.randint(1, 6), rng.randint(1, 4))


def _turns(rng: random.Random, kind: str, pairs: Sequence[Pair], count: int) -> PictureSample:
    """Ask several questions about one picture, mostly in one language.

    No answer comes twice to one kind of question: it could be copied, without a look.
    """
    scene, chinese = _scene(rng, kind, pairs), rng.random() < 0.5
    shares = _SHARES[kind]
    turns: dict[tuple[str, str], Asked] = {}
    for _ in range(40):
        skill = rng.choices(list(shares), list(shares.values()))[0]
        language = chinese if rng.random() < 0.9 else not chinese
        if asked := ASKED[skill](rng, scene, language, pairs):
            turns.setdefault((skill, asked[1]), asked)
        if len(turns) == count:
            break
    return _sample("turns", scene, list(turns.values()))


def _talk(rng: random.Random) -> Sample:
    return greeting(rng) if rng.random() < 0.5 else capital(rng)


def _talk_to_train(rng: random.Random) -> PictureSample:
    """Return talk without a picture: a question about none, or what nano learns."""
    if rng.random() < 0.3:
        return _unseen(rng)
    while not for_training(sample := _talk(rng)):
        pass
    return _in_parts(sample, "talk")


def _unseen(rng: random.Random) -> PictureSample:
    return _sample("no picture", None, [unseen(rng, rng.random() < 0.5)])


def _sample(group: str, scene: Scene | None, turns: Sequence[Asked]) -> PictureSample:
    """Put the picture before the first question."""
    messages: list[Message] = []
    for question, answer in turns:
        image = [{"type": "image"}] if scene and not messages else []
        messages.append({"role": "user", "content": [*image, _text(question)]})
        messages.append({"role": "assistant", "content": [_text(answer)]})
    return PictureSample(group, tuple(messages), (group,), scene=scene)


def _in_parts(sample: Sample, group: str) -> PictureSample:
    """Turn a conversation of nano's into one of parts, with this model's own answers."""
    messages = []
    for message in sample.messages:
        text: str = message["content"]
        messages.append({**message, "content": [_text(_ANSWERS.get(text, text))]})
    return PictureSample(group, tuple(messages), sample.keys)


def _with_system_prompt(rng: random.Random, sample: PictureSample) -> PictureSample:
    """Put a system prompt before some conversations, or a greeting before some pictures."""
    chance = rng.random()
    if chance < 0.05:
        before = [{"role": "system", "content": [_text(pick(rng, SYSTEM_PROMPTS))]}]
    elif chance < 0.1 and sample.scene:
        before = list(_talk_to_train(rng).messages)
    else:
        return sample
    return PictureSample(sample.group, (*before, *sample.messages), sample.keys, scene=sample.scene)


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}
