"""The pictures and questions that nano-v is trained on, and its files."""

import itertools
import json
import random
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from tokenizers import Tokenizer as PlainTokenizer

from nano_training.vocabulary import IGNORE, ChatFormat
from nano_v_training.data import GROUPS, PictureSample, held_out_samples, training_samples
from nano_v_training.drawing import draw, fit
from nano_v_training.evaluate import to_messages
from nano_v_training.labels import UNKNOWN, label_cells
from nano_v_training.naming import COLOURS, KINDS, SHAPES, Pair
from nano_v_training.questions import ASKED
from nano_v_training.scenes import HELD_OUT_PAIRS, TRAINED_PAIRS, Scene, Thing, third
from ovglm.nano import checkpoint_folder
from ovglm.pictures import Picture, read_picture
from ovglm.template import ChatTemplate, encode_chat
from ovglm.tokens import Tokenizer
from ovglm.vision_facts import VisionFacts
from ovglm_export.checkpoint import open_checkpoint
from ovglm_export.vision.export import plan_vision

TRAINED = 1500
RED, BLUE = Thing(("red", "circle"), 0.15, 0.125, 0.1), Thing(("blue", "star"), 0.8, 0.45, 0.1)
# Twice as wide as high, so the lower half of the square stays empty.
TWO = Scene(200, 110, (RED, BLUE), 5)


@pytest.fixture(scope="module")
def trained() -> list[PictureSample]:
    return list(itertools.islice(training_samples(7), TRAINED))


@pytest.fixture(scope="module")
def form() -> ChatFormat:
    folder = checkpoint_folder("nano-v")
    tokenizer = PlainTokenizer.from_file(str(folder / "tokenizer.json"))
    return ChatFormat(folder / "chat_template.jinja", tokenizer)


@pytest.fixture(scope="module")
def facts() -> VisionFacts:
    export = plan_vision(open_checkpoint(checkpoint_folder("nano-v")), None)
    assert export is not None
    return export.facts()


def _answers(scene: Scene, skill: str, known: tuple[Pair, ...] = TRAINED_PAIRS) -> dict[str, str]:
    """Ask until all wordings have come."""
    rng = random.Random(1)
    asked = (ASKED[skill](rng, scene, rng.random() < 0.5, known) for _ in range(3000))
    return dict(one for one in asked if one)


def test_the_generator_is_deterministic(trained: list[PictureSample]) -> None:
    assert list(itertools.islice(training_samples(7), TRAINED)) == trained
    assert held_out_samples(5) == held_out_samples(5)


def test_another_seed_gives_other_samples(trained: list[PictureSample]) -> None:
    assert list(itertools.islice(training_samples(8), 100)) != trained[:100]
    assert held_out_samples(5, 1) != held_out_samples(5)


def test_a_scene_is_drawn_the_same_twice(trained: list[PictureSample]) -> None:
    scenes = [sample.scene for sample in trained if sample.scene]
    for scene in scenes[:60]:
        picture = draw(scene)
        assert picture.size == (scene.width, scene.height) and picture.mode == "RGB"
        assert np.array_equal(np.asarray(picture), np.asarray(draw(scene)))


def test_no_picture_of_training_shows_a_held_out_look(trained: list[PictureSample]) -> None:
    shown = {thing.pair for sample in trained if sample.scene for thing in sample.scene.things}
    assert shown == set(TRAINED_PAIRS)
    held_out = [sample for sample in held_out_samples(20) if sample.group == "new looks"]
    for sample in held_out:
        assert sample.scene and {one.pair for one in sample.scene.things} <= set(HELD_OUT_PAIRS)


def test_every_colour_and_kind_is_trained_often() -> None:
    assert 0.1 < len(HELD_OUT_PAIRS) / len(KINDS) / len(COLOURS) < 0.2
    for at, names in enumerate((COLOURS, KINDS)):
        counts = [sum(pair[at] == name for pair in TRAINED_PAIRS) for name in names]
        assert min(counts) >= 4


def test_every_group_is_asked() -> None:
    asked = [sample.group for sample in held_out_samples(7)]
    assert all(asked.count(group) == 7 for group in GROUPS) and len(asked) == 7 * len(GROUPS)


def test_pictures_have_many_sizes_and_shapes(trained: list[PictureSample]) -> None:
    scenes = [sample.scene for sample in trained if sample.scene]
    ratios = [scene.width / scene.height for scene in scenes]
    assert min(ratios) < 0.5 and max(ratios) > 2
    assert min(max(scene.width, scene.height) for scene in scenes) < 100
    assert max(scene.width for scene in scenes) > 300
    assert {len(scene.things) for scene in scenes} == {1, 2, 3, 4, 5, 6}


def test_things_lie_inside_and_apart(trained: list[PictureSample]) -> None:
    for scene in (sample.scene for sample in trained if sample.scene):
        wide, high = scene.extent
        for thing in scene.things:
            assert thing.radius < thing.x < wide - thing.radius
            assert thing.radius < thing.y < high - thing.radius
        for one, other in itertools.combinations(scene.things, 2):
            apart = np.hypot(one.x - other.x, one.y - other.y)
            assert apart > one.radius + other.radius


def test_a_picture_of_all_colours_gets_a_background() -> None:
    """Few grounds, or none, stand out from all; the search must end."""
    looks = [(colour, "circle") for colour in COLOURS]
    things = tuple(Thing(look, 0.1 + 0.11 * at, 0.5, 0.05) for at, look in enumerate(looks))
    for seed in range(30):
        assert draw(Scene(90, 90, things, seed)).size == (90, 90)


def test_a_drawn_thing_has_its_colour_at_its_middle() -> None:
    pixels = np.asarray(draw(TWO)).astype(int)
    red, blue = pixels[25, 30], pixels[90, 160]
    assert red[0] > red[1] + 100 and red[0] > red[2] + 100
    assert blue[2] > blue[0] + 100 and blue[2] > blue[1] + 50


@pytest.mark.parametrize(
    ("skill", "right"),
    [
        ("shape", {"a circle", "a star", "圆形", "星形"}),
        ("color", {"red", "blue", "红色", "蓝色"}),
        ("count", {"zero", "one", "two", "零个", "一个", "两个"}),
        ("place", {"top left", "bottom right", "左上角", "右下角"}),
        ("side", {"left", "right", "above", "below", "左边", "右边", "上面", "下面"}),
        ("which", {"a red circle", "a blue star", "一个红色的圆形", "一个蓝色的星形"}),
        ("presence", {"yes", "no", "有", "没有"}),
        ("what", set()),
        ("digit", set()),
    ],
)
def test_answers_about_two_things(skill: str, right: set[str]) -> None:
    assert set(_answers(TWO, skill).values()) == right


@pytest.mark.parametrize(
    ("skill", "question", "answer"),
    [
        ("color", "What color is the circle?", "red"),
        ("color", "星形是什么颜色？", "蓝色"),
        ("count", "How many shapes are there?", "two"),
        ("count", "How many stars are there?", "one"),
        ("place", "Where is the red circle?", "top left"),
        ("side", "Is the circle left or right of the star?", "left"),
        ("side", "Is the star above or below the circle?", "below"),
        ("side", "星形在圆形的左边还是右边？", "右边"),
        ("which", "What is on the right?", "a blue star"),
        ("which", "What is above the blue star?", "a red circle"),
        ("presence", "Is there a red circle?", "yes"),
        ("presence", "Is there a circle?", "yes"),
    ],
)
def test_the_answer_to_a_question(skill: str, question: str, answer: str) -> None:
    assert _answers(TWO, skill)[question] == answer


def test_what_is_not_there_is_denied() -> None:
    asked = _answers(TWO, "presence")
    assert asked["Is there something green?"] == "no" and asked["Is there a blue circle?"] == "no"
    assert not [pair for pair in HELD_OUT_PAIRS if f"Is there a {' '.join(pair)}?" in asked]


def test_answers_about_one_digit() -> None:
    seven = Scene(100, 200, (Thing(("blue", "7"), 0.25, 0.85, 0.12),), 3)
    assert set(_answers(seven, "digit").values()) == {"7"}
    assert set(_answers(seven, "what").values()) == {"a blue 7", "一个蓝色的7"}
    assert set(_answers(seven, "place").values()) == {"bottom", "下方"}
    assert _answers(seven, "shape") == _answers(seven, "count") == {}


def test_thirds_are_those_of_the_picture_and_not_of_the_square() -> None:
    assert third(RED, TWO) == 0
    assert third(Thing(("red", "circle"), 0.5, 0.48, 0.05), TWO) == 7
    assert third(Thing(("red", "circle"), 0.34, 0.2, 0.05), TWO) is None


def test_cells_are_labelled_by_what_lies_in_them() -> None:
    classes, places = label_cells(TWO, 4)
    kinds = {cell: KINDS[kind - 1] for cell, kind in enumerate(classes[:, 0]) if kind > 0}
    assert kinds == {0: "circle", 7: "star"}
    assert COLOURS[classes[7, 1] - 1] == "blue" and classes[0, 2] == 0
    assert places[0] == pytest.approx([0.2, 0.0]) and np.isnan(places[1]).all()
    together = Scene(100, 100, (RED, Thing(("blue", "star"), 0.2, 0.05, 0.02)), 1)
    assert (label_cells(together, 4)[0][0] == UNKNOWN).all()


def test_pictures_are_fitted_as_the_runtime_fits_them(
    trained: list[PictureSample], facts: VisionFacts
) -> None:
    for scene in [sample.scene for sample in trained if sample.scene][:30]:
        picture = draw(scene)
        assert np.array_equal(fit(picture, facts.image_size), read_picture(picture, facts).pixels)


def test_only_answers_are_learned(form: ChatFormat, trained: list[PictureSample]) -> None:
    tokenizer = PlainTokenizer.from_file(str(checkpoint_folder("nano-v") / "tokenizer.json"))
    sample = next(sample for sample in trained if sample.scene)
    learned = [label for label in form.training_ids(sample)[1] if label != IGNORE]
    answers = [
        turn["content"][0]["text"] for turn in sample.messages if turn["role"] == "assistant"
    ]
    text = "".join(f"\n{answer}<|user|>" for answer in answers)
    assert tokenizer.decode(learned, skip_special_tokens=False) == text


def test_prompts_are_those_of_the_package(
    form: ChatFormat, trained: list[PictureSample], facts: VisionFacts
) -> None:
    folder = checkpoint_folder("nano-v")
    template, tokenizer = ChatTemplate.load(folder), Tokenizer.load(folder)
    assert template.wants_parts
    for sample in trained[:200]:
        ids = form.prompt_ids(sample)
        assert encode_chat(template, tokenizer, sample.prompt, vision=facts) == ids
        assert ids.count(facts.begin_id) == (facts.placeholder_tokens if sample.scene else 0)


def test_messages_carry_the_picture_where_the_prompt_has_it(trained: list[PictureSample]) -> None:
    picture = Picture(np.zeros((1, 1, 3), np.uint8), "", (1, 1))
    for sample in [sample for sample in trained if sample.scene][:50]:
        turns = to_messages(sample, (picture,))
        first = next(at for at, turn in enumerate(sample.prompt) if len(turn["content"]) > 1)
        assert [bool(turn.pictures) for turn in turns] == [at == first for at in range(len(turns))]
        assert turns[-1].content == sample.prompt[-1]["content"][-1]["text"]


def test_no_conversation_asks_for_a_digit_where_there_is_none(
    trained: list[PictureSample],
) -> None:
    for sample in (sample for sample in trained if sample.scene and sample.group == "turns"):
        assert sample.scene is not None
        said = {t["content"][0]["text"] for t in sample.messages if t["role"] == "assistant"}
        if all(thing.kind in SHAPES for thing in sample.scene.things):
            assert not said & set("0123456789")


def test_the_shipped_model_is_small() -> None:
    path = checkpoint_folder("nano-v") / "model.safetensors"
    with safe_open(path, framework="numpy") as weights:
        count = sum(int(np.prod(weights.get_slice(n).get_shape())) for n in weights.keys())
    assert count <= 8_000_000 and path.stat().st_size <= 12_000_000


def test_the_template_writes_as_many_placeholders_as_a_picture_has_vectors(
    facts: VisionFacts,
) -> None:
    source = (checkpoint_folder("nano-v") / "chat_template.jinja").read_text(encoding="utf-8")
    assert f"range({facts.vectors})" in source and facts.resize == "fit"


def test_two_steps_of_training_write_a_checkpoint(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from nano_training.model import Shape
    from nano_v_training.model import Shapes
    from nano_v_training.tower import VisionShape
    from nano_v_training.train import Lesson, Plan, run

    shapes = Shapes(Shape(), VisionShape(hidden=64, ffn=64, layers=1, heads=1, gate=64))
    weights = {"one": 1.0, "talk": 0.2}
    looks = Lesson(1, weights, 0.02, 0.004, 0.5, 1.0, looks=True)
    talks = Lesson(1, weights, 0.02, 0.004, 0.5, 0.0)
    run(Plan(tmp_path / "v", (looks, talks), batches=1, workers=1, asked=1, shapes=shapes))
    config = json.loads((tmp_path / "v" / "config.json").read_text(encoding="utf-8"))
    shipped = checkpoint_folder("nano-v")
    assert config.keys() == json.loads((shipped / "config.json").read_text("utf-8")).keys()
    assert {one.name for one in (tmp_path / "v").iterdir()} == {
        one.name for one in shipped.iterdir()
    }
    assert open_checkpoint(tmp_path / "v").vision is not None
