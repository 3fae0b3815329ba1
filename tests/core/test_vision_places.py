"""Where the vectors of a picture stand, and at which positions, held against the rules of both."""

from dataclasses import replace

import numpy as np
import pytest

from ovglm.engine.vision.places import lay_out
from ovglm.errors import RequestError
from ovglm.vision_facts import VisionFacts
from tiny_vision import BEGIN_ID, END_ID, FAMILIES, Layout
from vision_asking import make_picture
from vision_runner import make_prompt, splice

EDGE = VisionFacts(
    tower="siglip", weights="int8", image_size=56, patch_size=14, channels=3, image_hidden_size=96,
    hidden_size=4, vectors=6, resize="fit", resample="bilinear", rescale=1 / 255, mean=(0.5,) * 3,
    std=(0.5,) * 3, begin_id=BEGIN_ID, end_id=END_ID, placement="each", positions="each",
    most_pictures=1,
)  # fmt: skip
FOUR = replace(EDGE, tower="eva2_clip", resize="stretch", placement="span", positions="shared")
FACTS: dict[Layout, VisionFacts] = {"glm_edge_v": EDGE, "glm_4v": FOUR}


@pytest.mark.parametrize("layout", FAMILIES)
@pytest.mark.parametrize(("before", "behind"), [(5, 7), (0, 7), (5, 0), (0, 0)])
def test_places_are_those_of_the_maths(layout: Layout, before: int, behind: int) -> None:
    facts = FACTS[layout]
    ids = make_prompt(layout, facts.vectors, before, behind)
    picture = make_picture(facts)
    embeds = np.array(ids, np.float32)[:, None]
    vectors = -1 - np.arange(facts.vectors, dtype=np.float32)[:, None]
    whole, positions = splice(layout, ids, embeds, vectors)
    found = lay_out(ids, [picture], facts)
    shown = [-1 - key[1] if isinstance(key, tuple) else key for key in found.keys]
    assert shown == whole[:, 0].tolist()
    assert found.positions.tolist() == positions.tolist()
    assert found.next_position == before + facts.position_count + behind
    assert len(found.text_ids) == before + behind
    assert {key[0] for key in found.keys if isinstance(key, tuple)} == {picture.digest}


@pytest.mark.parametrize("layout", FAMILIES)
def test_several_pictures_stand_where_their_placeholders_were(layout: Layout) -> None:
    facts = replace(FACTS[layout], most_pictures=3)
    one = make_prompt(layout, facts.vectors, before=2, behind=1)
    pictures = [make_picture(facts, seed) for seed in range(3)]
    found = lay_out(one * 3, pictures, facts)
    seen = [key[0] for key in found.keys if isinstance(key, tuple)]
    assert seen == [picture.digest for picture in pictures for _ in range(facts.vectors)]
    assert found.next_position == 3 * (3 + facts.position_count)
    assert (np.diff(found.positions) >= 0).all()


def test_text_alone_stands_at_its_own_places() -> None:
    found = lay_out([5, 6, 7], [], FOUR)
    assert (found.keys, found.positions.tolist(), found.next_position) == ((5, 6, 7), [0, 1, 2], 3)


def test_pictures_that_stand_side_by_side_are_told_apart() -> None:
    facts = replace(EDGE, most_pictures=2)
    pictures = [make_picture(facts, seed) for seed in range(2)]
    found = lay_out([BEGIN_ID] * 12, pictures, facts)
    wanted = [(picture.digest, number) for picture in pictures for number in range(6)]
    assert list(found.keys) == wanted
    with pytest.raises(RequestError, match="12 placeholder tokens of 2 pictures"):
        lay_out([BEGIN_ID] * 11, pictures, facts)
