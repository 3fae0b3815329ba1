"""Guessing tokens ahead changes no greedy answer, and is refused where it cannot work."""

import json
import shutil
from contextlib import closing
from pathlib import Path

import pytest

from nano_placement import EXACT, cpu_placement, nano_facts, npu_placement
from ovglm.devices.options import RuntimeOptions
from ovglm.engine.build import LocalEngine, build_engine
from ovglm.errors import OvglmError
from ovglm.manifest import read_manifest
from ovglm.messages import Sampling
from ovglm.tokens import Tokenizer

LONG = Sampling(60, ignore_eos=True)


def build(folder: Path, options: RuntimeOptions | None = None) -> LocalEngine:
    placement = cpu_placement(EXACT)
    return build_engine(nano_facts(folder), placement, Tokenizer.load(folder), options)


def answers(engine: LocalEngine, folder: Path, sampling: Sampling = LONG) -> list[list[int]]:
    """Answer all golden prompts at once."""
    prompts = [golden.prompt for golden in read_manifest(folder).golden]
    under_way = [engine.submit(prompt, sampling) for prompt in prompts]
    return [[token for chunk in one for token in chunk.token_ids] for one in under_way]


@pytest.fixture(scope="module")
def expected(nano_bf16: Path) -> list[list[int]]:
    with closing(build(nano_bf16)) as engine:
        return answers(engine, nano_bf16)


def test_a_draft_model_changes_no_greedy_token(
    nano: Path, nano_bf16: Path, expected: list[list[int]]
) -> None:
    with closing(build(nano_bf16, RuntimeOptions(draft=nano))) as engine:
        assert answers(engine, nano_bf16) == expected


def test_prompt_lookup_changes_no_greedy_token(nano_bf16: Path, expected: list[list[int]]) -> None:
    with closing(build(nano_bf16, RuntimeOptions(prompt_lookup=True))) as engine:
        assert answers(engine, nano_bf16) == expected


@pytest.mark.parametrize("way", ["draft", "lookup"])
def test_sampling_penalties_stops_and_cancels_work_beside_guessing(
    nano: Path, nano_bf16: Path, way: str
) -> None:
    options = RuntimeOptions(draft=nano) if way == "draft" else RuntimeOptions(prompt_lookup=True)
    with closing(build(nano_bf16, options)) as engine:
        for seed in range(6):
            wild = Sampling(
                50, temperature=1.2, top_p=0.9, top_k=40, repetition_penalty=1.1,
                presence_penalty=0.3, frequency_penalty=0.3, seed=seed, ignore_eos=True, n=2,
            )  # fmt: skip
            first = answers(engine, nano_bf16, wild)
            assert [len(ids) for ids in first] == [100] * 3
        stopped = list(engine.submit(read_manifest(nano).golden[0].prompt, Sampling(stop=("o",))))
        assert "o" not in "".join(chunk.text for chunk in stopped)
        chunks = iter(engine.submit([300, 301], Sampling(500, ignore_eos=True)))
        next(chunks)
        chunks.close()
        assert engine.counters.failed == 0


def test_a_draft_of_another_vocabulary_is_refused(nano: Path, tmp_path: Path) -> None:
    draft = shutil.copytree(nano, tmp_path / "draft")
    (draft / "ovglm.json").unlink()
    document = json.loads((draft / "tokenizer.json").read_text(encoding="utf-8"))
    token, number = next(iter(document["model"]["vocab"].items()))
    del document["model"]["vocab"][token]
    document["model"]["vocab"]["another"] = number
    (draft / "tokenizer.json").write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(OvglmError, match=r"another vocabulary .* 2 entries differ"):
        build(nano, RuntimeOptions(draft=draft))


def test_a_draft_that_is_no_export_is_refused(nano: Path, tmp_path: Path) -> None:
    with pytest.raises(OvglmError, match="is no exported folder"):
        build(nano, RuntimeOptions(draft=tmp_path))


@pytest.mark.parametrize("way", ["draft", "lookup"])
def test_the_npu_refuses_guessing(nano: Path, way: str) -> None:
    options = RuntimeOptions(draft=nano) if way == "draft" else RuntimeOptions(prompt_lookup=True)
    with pytest.raises(OvglmError, match="does not work with the static engine of NPU"):
        build_engine(nano_facts(nano), npu_placement(), Tokenizer.load(nano), options)
