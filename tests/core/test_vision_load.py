"""From a folder with a tower to an engine: facts, memory, devices, refusals, and the checks."""

import json
import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ovglm.devices import ModelFacts, RuntimeOptions, choose, list_devices, read_facts
from ovglm.devices.device import Device
from ovglm.engine.load import load_engine
from ovglm.engine.selfcheck import check_golden
from ovglm.errors import FolderError, OvglmError, RecipeError, RequestError
from ovglm.eval.likelihoods import load_likelihoods
from ovglm.manifest import read_manifest
from ovglm.messages import Sampling
from ovglm.recipe import Recipe
from ovglm_export.pipeline import ExportOptions, export_checkpoint
from vision_asking import EXACT, ask, ids_of, load_vision, make_picture
from vision_exports import VisionExports
from vision_runner import make_prompt

GB = 1 << 30
CPU = Device("CPU", "a CPU", "CPU", 8 * GB, 8 * GB, precisions=("FP32",))
GPU = Device("GPU", "Intel Arc", "discrete GPU", 8 * GB, precisions=("FP16", "FP32"))
IGPU = Device("GPU", "Intel Iris", "integrated GPU", 8 * GB, 8 * GB, precisions=("FP16",))
NPU = Device("NPU", "Intel AI Boost", "NPU", 8 * GB, 8 * GB, precisions=("FP16",))
PARTS = ("language_model", "text_embeddings_model", "vision_embeddings_model")


@pytest.fixture(scope="module")
def folder(vision: VisionExports) -> Path:
    return vision.export()


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> VisionExports:
    return VisionExports(tmp_path_factory.mktemp("edge"), "glm_edge_v")


@pytest.fixture(scope="module")
def facts(folder: Path) -> ModelFacts:
    return read_facts(folder)


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return shutil.copytree(folder, tmp_path / "copy")


@pytest.fixture
def emulated(monkeypatch: pytest.MonkeyPatch) -> Iterator[RuntimeOptions]:
    monkeypatch.setenv("OVGLM_NPU_EMULATION", "1")
    yield RuntimeOptions(context=128, max_response=64)


def test_the_facts_tell_text_and_tower_apart(folder: Path, facts: ModelFacts) -> None:
    sizes = [(folder / f"openvino_{part}.bin").stat().st_size for part in PARTS]
    assert facts.weights_bytes == sizes[0] + sizes[1]
    assert facts.tower_bytes == sizes[2]
    assert facts.vision == read_manifest(folder).vision
    assert not any("vision" in one for one in facts.formats)


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("end", ["xml", "bin"])
def test_a_missing_part_is_named(copy: Path, part: str, end: str) -> None:
    (copy / f"openvino_{part}.{end}").unlink()
    with pytest.raises(FolderError, match=f"openvino_{part}.{end} is missing"):
        read_facts(copy)


def test_another_tower_is_another_model(vision: VisionExports, facts: ModelFacts) -> None:
    other = read_facts(vision.export(weights="f32"))
    assert other.fingerprint != facts.fingerprint
    assert other.weights_bytes == facts.weights_bytes
    assert other.tower_bytes > facts.tower_bytes


def test_a_folder_of_another_tool_is_refused(copy: Path) -> None:
    (copy / "ovglm.json").unlink()
    with pytest.raises(FolderError, match="another tool exported") as caught:
        read_facts(copy)
    assert caught.value.hint


def test_the_tower_runs_beside_the_text_unless_told(facts: ModelFacts) -> None:
    for device in (CPU, GPU):
        placement = choose(facts, (CPU, GPU), device.id, RuntimeOptions())
        assert (placement.engine, placement.vision_device) == ("vision", device)
        assert not any("pictures" in note for note in placement.notes)


def test_a_tower_on_another_device_is_told(facts: ModelFacts) -> None:
    placement = choose(facts, (CPU, GPU), "GPU", RuntimeOptions(vision_device="cpu"))
    assert placement.vision_device == CPU
    assert "pictures become vectors on CPU" in placement.notes


def test_the_memory_of_a_tower_counts_where_it_is_needed(facts: ModelFacts) -> None:
    text = replace(facts, vision=None)
    plain = choose(text, (CPU, GPU), "CPU", RuntimeOptions()).need
    beside = choose(facts, (CPU, GPU), "CPU", RuntimeOptions()).need
    assert beside.weights == plain.weights + facts.tower_bytes
    assert beside.workspace > plain.workspace
    apart = choose(facts, (CPU, GPU), "GPU", RuntimeOptions(vision_device="CPU")).need
    assert apart.weights == facts.weights_bytes
    shared = choose(facts, (CPU, IGPU), "GPU", RuntimeOptions(vision_device="CPU")).need
    assert shared.weights == facts.weights_bytes + facts.tower_bytes


def test_a_tower_that_does_not_fit_is_refused_with_figures(facts: ModelFacts) -> None:
    large = replace(facts, tower_bytes=9 * GB)
    with pytest.raises(OvglmError, match=r"weights 9\.6\d GB"):
        choose(large, (CPU,), "CPU", RuntimeOptions())
    with pytest.raises(OvglmError, match=r"tower .* takes 9\.6\d GB of CPU, where 8\.59 GB") as one:
        choose(large, (CPU, GPU), "GPU", RuntimeOptions(vision_device="CPU"))
    assert one.value.hint == "another --vision-device"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"prompt_lookup": True}, "the vision engine on CPU, .* has not prompt lookup"),
        ({"requests": 2}, "has not 2 requests at once"),
        ({"properties": (("ATTENTION_BACKEND", "SDPA"),)}, "ATTENTION_BACKEND is for models of te"),
        ({"vision_device": "NPU"}, "a tower runs on CPU or GPU, not on 'NPU'"),
        ({"vision_device": "AUTO"}, "not on 'AUTO'"),
        ({"vision_device": "GPU.7"}, "no device GPU.7 on this machine"),
        ({"vision_device": "GPU.x"}, "'GPU.X' is not the name of a device"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_by_name(
    facts: ModelFacts, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(OvglmError, match=words) as caught:
        choose(facts, (CPU,), "CPU", RuntimeOptions(**options))
    assert caught.value.hint


def test_a_draft_is_refused_both_ways(folder: Path, facts: ModelFacts, nano: Path) -> None:
    with pytest.raises(OvglmError, match="has not a draft model"):
        choose(facts, (CPU,), "CPU", RuntimeOptions(draft=nano))
    with pytest.raises(OvglmError, match="takes pictures, and cannot guess"):
        choose(read_facts(nano), (CPU,), "CPU", RuntimeOptions(draft=folder))


def test_a_tower_s_device_for_a_model_of_text_is_refused(nano: Path) -> None:
    with pytest.raises(OvglmError, match="nano takes no pictures, so --vision-device CPU"):
        choose(read_facts(nano), (CPU,), "CPU", RuntimeOptions(vision_device="CPU"))


@pytest.mark.parametrize("backend", ["PA", "SDPA"])
def test_models_of_text_refuse_pictures(nano: Path, facts: ModelFacts, backend: str) -> None:
    assert facts.vision
    options = RuntimeOptions(properties=(("ATTENTION_BACKEND", backend),))
    with closing(load_engine(nano, "CPU", options, say=lambda text: None)) as engine:
        assert (engine.info.vision, engine.info.vision_device) == (None, "")
        with pytest.raises(RequestError, match="nano takes no pictures, and 1 came") as caught:
            engine.submit([5], Sampling(), [make_picture(facts.vision)])
        assert caught.value.hint


def test_golden_tokens_come_out_of_the_engine(tmp_path: Path, vision: VisionExports) -> None:
    export_checkpoint(vision.source, tmp_path / "e", Recipe("int8"), ExportOptions(verify="none"))
    golden = read_manifest(tmp_path / "e").golden
    assert golden
    with closing(load_vision(tmp_path / "e")) as engine:
        assert check_golden(engine, golden).is_equal


def test_the_compiled_parts_are_kept_where_that_is_asked_for(folder: Path, tmp_path: Path) -> None:
    options = replace(EXACT, cache_dir=tmp_path / "compiled")
    tokens = []
    for wanted in ("cold", "warm"):
        with closing(load_vision(folder, options)) as engine:
            assert engine.info.cache == wanted
            tokens.append(ids_of(ask(engine, [1, 2, 3])))
    assert tokens[0] == tokens[1]
    assert len(list(tmp_path.rglob("*.blob"))) == 2, "language model and tower"


def test_a_changed_tower_is_noticed(copy: Path) -> None:
    path = copy / "openvino_vision_embeddings_model.bin"
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)
    with pytest.raises(FolderError, match=r"vision_embeddings_model\.bin has changed since"):
        load_engine(copy, "CPU", say=lambda text: None)


def test_texts_are_scored_as_the_engine_answers(folder: Path) -> None:
    """The way of `ovglm eval`: no pictures, the same logits."""
    told = load_likelihoods(folder, "CPU", exact=True, say=lambda text: None)
    with closing(told), closing(load_vision(folder)) as engine:
        prompt = [5, 6, 7, 8]
        chunks = ask(engine, prompt, logprobs=True, max_new_tokens=6)
        ids = ids_of(chunks)
        (scores,) = told.sequence([*prompt, *ids], len(prompt))
        assert scores.is_greedy
        own = [value for chunk in chunks for value in chunk.logprobs]
        assert scores.logprobs.tolist() == pytest.approx(own, abs=1e-4)


@pytest.mark.parametrize("properties", [(), (("NPUW_LLM_PREFILL_CHUNK_SIZE", "8"),)], ids=str)
def test_the_npu_takes_a_family_whose_places_are_positions(
    edge: VisionExports, emulated: RuntimeOptions, properties: tuple[tuple[str, str], ...]
) -> None:
    """INT4 through the static path, in one step or several, the tower on the CPU."""
    folder = edge.export(Recipe())
    with closing(load_vision(folder)) as engine:
        assert engine.info.vision
        prompt = make_prompt("glm_edge_v", engine.info.vision.vectors)
        pictures = [make_picture(engine.info.vision, seed) for seed in range(2)]
        wanted = [ids_of(ask(engine, prompt, one)) for one in pictures]
    options = replace(emulated, precision="f32", kv_cache="f32", properties=properties)
    with closing(load_vision(folder, options, "NPU")) as engine:
        assert (engine.info.device, engine.info.vision_device) == ("NPU", "CPU")
        assert "pictures become vectors on CPU" in engine.info.notes
        chunks = [ask(engine, prompt, one) for one in [*pictures, pictures[0]]]
        assert [ids_of(one) for one in chunks] == [*wanted, wanted[0]]
        assert not any(one[0].cached_tokens for one in chunks), "its cache cannot be kept"
        room = ask(engine, prompt, pictures[0], max_new_tokens=1000)
        assert len(ids_of(room)) == 128 - 5 - 6 - 7
        assert len(ids_of(ask(engine, [7], max_new_tokens=3))) == 3


def test_the_npu_compiles_once(edge: VisionExports, emulated: RuntimeOptions) -> None:
    for wanted in ("cold", "warm"):
        with closing(load_vision(edge.export(Recipe()), emulated, "NPU")) as engine:
            assert engine.info.cache == wanted
            assert len(ids_of(ask(engine, [1, 2, 3]))) == 12


def test_the_npu_refuses_patches_that_share_a_position(
    tmp_path: Path, emulated: RuntimeOptions
) -> None:
    four = VisionExports(tmp_path, "glm_4v").export(Recipe())
    facts = read_facts(four)
    assert "share one position" in facts.illegal["NPU"], "inspect, list and doctor tell it, too"
    for one in (facts, replace(facts, illegal={})):
        with pytest.raises(RecipeError, match="share one position") as caught:
            choose(one, list_devices(), "NPU", emulated)
        assert "\n" not in caught.value.message
        assert caught.value.hint == "--device CPU"


def test_the_manifest_is_all_that_tells(copy: Path) -> None:
    """A folder of an older export, without `vision` in its manifest, is a broken text model."""
    manifest = json.loads((copy / "ovglm.json").read_text(encoding="utf-8"))
    manifest["vision"] = None
    (copy / "ovglm.json").write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(FolderError, match=r"openvino_model\.xml is missing"):
        read_facts(copy)
