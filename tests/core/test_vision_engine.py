"""The engine that sees: torch's tokens in both families, and nothing is read or seen twice."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ovglm.devices.options import CachePrecision
from ovglm.engine.vision.engine import VisionEngine
from ovglm.engine.vision.parts import Tower
from ovglm.messages import Sampling
from ovglm.pictures import normalize
from ovglm.recipe import Recipe
from ovglm.vision_facts import VisionFacts
from ovglm_export.pipeline import ExportOptions, export_checkpoint
from tiny_vision import FAMILIES, Layout, write_vision_checkpoint
from vision_asking import EXACT, ask, ids_of, load_vision, make_picture
from vision_runner import make_prompt
from vision_torch import TorchVision

FLOAT = ExportOptions(verify="none", vision_weights="bf16")


class Loaded:
    """An engine of a tiny model in float, its facts, and a prompt with the picture's place."""

    def __init__(self, engine: VisionEngine) -> None:
        assert engine.info.vision is not None
        self.engine = engine
        self.vision: VisionFacts = engine.info.vision
        self.layout: Layout = "glm_edge_v" if self.vision.tower == "siglip" else "glm_4v"
        self.prompt = make_prompt(self.layout, self.vision.vectors)


class Sights:
    """Counts how often a tower runs."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        run = Tower._run

        def counted(*given: Any) -> np.ndarray:
            self.count += 1
            return run(*given)

        monkeypatch.setattr(Tower, "_run", counted)


@pytest.fixture(scope="module", params=FAMILIES)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp(request.param)
    source = write_vision_checkpoint(home / "source", request.param)
    export_checkpoint(source, home / request.param, Recipe("bf16"), FLOAT)
    return home / request.param


@pytest.fixture(scope="module")
def loaded(folder: Path) -> Iterator[Loaded]:
    with closing(load_vision(folder)) as engine:
        yield Loaded(engine)


@pytest.fixture
def sights(monkeypatch: pytest.MonkeyPatch) -> Sights:
    return Sights(monkeypatch)


def test_what_it_is(loaded: Loaded) -> None:
    info = loaded.engine.info
    assert (info.kind, info.device, info.vision_device) == ("vision", "CPU", "CPU")
    assert (info.context, info.max_prompt) == (512, 511)


@pytest.mark.parametrize("side", [28, 56, 112])
@pytest.mark.parametrize("layout", FAMILIES)
def test_greedy_tokens_equal_torch(tmp_path: Path, layout: Layout, side: int) -> None:
    wishes: dict[str, Any] = {"vision": {"image_size": side}}
    if layout == "glm_4v":
        wishes["vision"]["num_positions"] = (side // 14) ** 2 + 1
    source = write_vision_checkpoint(tmp_path / "source", layout, **wishes)
    export_checkpoint(source, tmp_path / "export", Recipe("bf16"), FLOAT)
    torch = TorchVision(source, layout, tmp_path / "plain", **wishes)
    with closing(load_vision(tmp_path / "export")) as engine:
        loaded = Loaded(engine)
        for seed in range(2):
            picture = make_picture(loaded.vision, seed)
            wanted = torch.greedy(loaded.prompt, normalize(picture, loaded.vision)[None], 12)
            assert ids_of(ask(engine, loaded.prompt, picture)) == wanted


def test_the_answer_depends_on_the_picture(loaded: Loaded) -> None:
    answers = {
        tuple(ids_of(ask(loaded.engine, loaded.prompt, make_picture(loaded.vision, seed))))
        for seed in range(5)
    }
    assert len(answers) > 1


def test_a_second_question_about_a_picture_does_not_run_the_tower(
    loaded: Loaded, sights: Sights
) -> None:
    picture, other = make_picture(loaded.vision, 50), make_picture(loaded.vision, 51)
    ask(loaded.engine, loaded.prompt, picture)
    again = ask(loaded.engine, [*loaded.prompt[:-2], 30, 31, 32], picture)
    places = 5 + loaded.vision.vectors + 7
    assert again[0].cached_tokens == places - 2
    assert sights.count == 1
    ask(loaded.engine, loaded.prompt, other)
    assert ask(loaded.engine, loaded.prompt, picture)[0].cached_tokens == 5, "up to the picture"
    assert sights.count == 2, "its vectors were kept"


def test_the_same_pixels_are_the_same_picture(loaded: Loaded, sights: Sights) -> None:
    for _ in range(2):
        ask(loaded.engine, loaded.prompt, make_picture(loaded.vision, 60))
    assert sights.count == 1


def test_the_vectors_of_eight_pictures_are_kept(loaded: Loaded, sights: Sights) -> None:
    for seed in [*range(70, 79), 78, 71, 70]:
        ask(loaded.engine, loaded.prompt, make_picture(loaded.vision, seed), max_new_tokens=1)
    assert sights.count == 10, "only the first was forgotten"


def test_what_was_read_before_changes_no_answer(loaded: Loaded) -> None:
    """Longer, shorter, branching and unrelated prompts in turn, each held against a fresh one."""
    engine, first = loaded.engine, loaded.prompt
    pictures = [make_picture(loaded.vision, seed) for seed in range(2)]
    answer = ids_of(ask(engine, first, pictures[0]))
    follow_up = [*first, *answer, 40, 41, 42]
    cases = [
        (follow_up, pictures[:1]), (follow_up, pictures[1:]), (first, pictures[1:]),
        (first[:-3], pictures[1:]), ([1, 2, 3], []), ([1, 2, 3, 4, 5, 6], []),
        ([1, 2, 3, 9, 5, 6], []), (first, pictures[:1]), (first, pictures[:1]),
    ]  # fmt: skip
    kept = [ids_of(ask(engine, ids, *some)) for ids, some in cases]
    fresh = []
    for ids, some in cases:
        ask(engine, [200, 201], max_new_tokens=1)
        fresh.append(ids_of(ask(engine, ids, *some)))
    assert kept == fresh


def test_a_cache_that_hides_too_much_is_emptied(
    loaded: Loaded, sights: Sights, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answers stay the same, and the tower does not run again."""
    monkeypatch.setattr("ovglm.engine.vision.parts.MOST_HIDDEN", -1)
    ask(loaded.engine, [200], max_new_tokens=1)
    monkeypatch.setattr("ovglm.engine.vision.parts.MOST_HIDDEN", 40)
    picture = make_picture(loaded.vision, 95)
    questions = [[*loaded.prompt, 30, 31, number] for number in range(40, 46)]
    kept = [ask(loaded.engine, one, picture) for one in questions]
    places = 5 + loaded.vision.vectors + 9
    # each question hides the last place of the one before, and 11 of its answer
    cached = [chunks[0].cached_tokens for chunks in kept[1:]]
    assert cached == [places, places, places, 0, places]
    assert sights.count == 1
    monkeypatch.setattr("ovglm.engine.vision.parts.MOST_HIDDEN", -1)
    fresh = [ask(loaded.engine, one, picture) for one in questions]
    assert [ids_of(one) for one in kept] == [ids_of(one) for one in fresh]
    assert not any(one[0].cached_tokens for one in fresh)


@pytest.mark.parametrize("kv_cache", ["u8", "f16", "f32"])
def test_forgetting_the_end_of_a_cache_leaves_the_rest_as_it_was(
    folder: Path, kv_cache: CachePrecision
) -> None:
    """Held against a cache that never held more; only the order of sums differs."""
    with closing(load_vision(folder, replace(EXACT, kv_cache=kv_cache))) as engine:
        loaded = Loaded(engine)
        picture = make_picture(loaded.vision)
        wishes = {"logprobs": True, "top_logprobs": 20, "max_new_tokens": 1}
        found = []
        for more in ([], [*range(100, 130)]):
            ask(engine, [200, 201], max_new_tokens=1)
            ask(engine, [*loaded.prompt, *more], picture, max_new_tokens=1)
            (chunk, *_) = ask(engine, [*loaded.prompt, *range(40, 60)], picture, **wishes)
            assert chunk.cached_tokens == 5 + loaded.vision.vectors + 7
            found.append(dict(chunk.top_logprobs[0]))
        assert found[0] == pytest.approx(found[1], abs=1e-4)


def test_a_conversation_goes_on_where_it_was(loaded: Loaded, sights: Sights) -> None:
    picture = make_picture(loaded.vision, 90)
    chunks = ask(loaded.engine, loaded.prompt, picture)
    longer = [*loaded.prompt, *ids_of(chunks), 33, 34]
    places = 5 + loaded.vision.vectors + 7
    assert chunks[0].cached_tokens < places
    # of an answer all tokens but the last were read
    assert ask(loaded.engine, longer, picture)[0].cached_tokens == places + 11
    assert sights.count == 1


def test_long_prompts_are_read_in_steps_with_the_same_outcome(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [*range(60), *range(1, 60)]
    with closing(load_vision(folder)) as engine:
        whole = ids_of(ask(engine, ids))
    monkeypatch.setattr("ovglm.engine.vision.build.STEP_TOKENS", 7)
    with closing(load_vision(folder)) as engine:
        loaded = Loaded(engine)
        assert ids_of(ask(engine, ids)) == whole
        ask(engine, loaded.prompt, make_picture(loaded.vision))


def test_sampled_answers_are_those_of_their_seeds(loaded: Loaded) -> None:
    picture = make_picture(loaded.vision)
    wild = {"temperature": 1.5, "seed": 7}
    chunks = ask(loaded.engine, loaded.prompt, picture, n=3, **wild)
    alone = [
        ids_of(ask(loaded.engine, loaded.prompt, picture, temperature=1.5, seed=7 + index))
        for index in range(3)
    ]
    assert [ids_of(chunks, index) for index in range(3)] == alone
    assert len(set(map(tuple, alone))) == 3


def test_greedy_answers_to_one_prompt_are_equal(loaded: Loaded) -> None:
    chunks = ask(loaded.engine, loaded.prompt, make_picture(loaded.vision), n=2)
    assert ids_of(chunks, 0) == ids_of(chunks, 1) != []


def test_logprobs_are_the_models_own(loaded: Loaded, folder: Path, tmp_path: Path) -> None:
    picture = make_picture(loaded.vision)
    torch = TorchVision(folder.parent / "source", loaded.layout, tmp_path / "plain")
    pixels = normalize(picture, loaded.vision)[None]
    wishes = {"logprobs": True, "top_logprobs": 3, "temperature": 0.3, "seed": 1}
    chunks = ask(
        loaded.engine, loaded.prompt, picture, repetition_penalty=1.5, max_new_tokens=4, **wishes
    )
    made: list[int] = []
    for chunk in chunks[:4]:
        logits = torch.logits([*loaded.prompt, *made], pixels)[-1].astype(np.float64)
        wanted = logits - np.log(np.exp(logits).sum())
        best = np.argsort(-wanted)[:3]
        (token,), (places,) = chunk.token_ids, chunk.top_logprobs
        assert chunk.logprobs[0] == pytest.approx(wanted[token], abs=1e-3)
        assert [one for one, _ in places] == best.tolist()
        assert [value for _, value in places] == pytest.approx(wanted[best], abs=1e-3)
        made.append(token)


def test_stop_ids_and_stop_texts_end_an_answer(loaded: Loaded, folder: Path) -> None:
    picture = make_picture(loaded.vision)
    chunks = ask(loaded.engine, loaded.prompt, picture)
    text = "".join(chunk.text for chunk in chunks)
    stop = text[len(text) // 2 :][:2]
    cut = ask(loaded.engine, loaded.prompt, picture, stop=(stop,))
    assert cut[-1].finish_reason == "stop"
    assert "".join(chunk.text for chunk in cut) == text[: text.index(stop)]
    assert chunks[-1].finish_reason == "length"
    sure = Sampling(max_new_tokens=500, temperature=2.0, seed=1)
    ends = list(loaded.engine.submit(loaded.prompt, sure, [picture]))
    assert ends[-1].finish_reason == "stop"


def test_an_answer_fills_the_context_and_no_more(loaded: Loaded) -> None:
    chunks = ask(loaded.engine, loaded.prompt, make_picture(loaded.vision), max_new_tokens=10_000)
    assert len(ids_of(chunks)) + 5 + loaded.vision.vectors + 7 == 512
    assert chunks[-1].finish_reason == "length"


def test_the_counters_count_vectors_as_tokens(folder: Path) -> None:
    with closing(load_vision(folder)) as engine:
        loaded = Loaded(engine)
        ask(engine, loaded.prompt, make_picture(loaded.vision), max_new_tokens=3)
        counters = engine.counters
    places = 5 + loaded.vision.vectors + 7
    assert (counters.submitted, counters.finished) == (1, 1)
    assert (counters.prompt_tokens, counters.generated_tokens) == (places, 3)
    assert counters.cache_bytes > 0
