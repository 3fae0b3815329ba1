"""Compiles the three parts of a model that sees, as a placement says. Decides nothing."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import openvino
from openvino import opset13 as op

from ovglm.devices.facts import ModelFacts
from ovglm.devices.fit import STEP_TOKENS
from ovglm.devices.placement import Placement
from ovglm.engine.vision.parts import LanguageModel, TextEmbeddings, Tower
from ovglm.engine.vision.reader import Reader
from ovglm.vision_facts import (
    LANGUAGE_FILE,
    TEXT_EMBEDDINGS_FILE,
    VISION_EMBEDDINGS_FILE,
    VisionFacts,
)

__all__ = ["load_embeddings", "load_reader"]

# What of the text part's settings holds for a tower on the same kind of device, too.
_SHARED = (
    "CACHE_DIR",
    "CACHE_MODE",
    "CPU_RUNTIME_CACHE_CAPACITY",
    "DYNAMIC_QUANTIZATION_GROUP_SIZE",
    "INFERENCE_NUM_THREADS",
    "INFERENCE_PRECISION_HINT",
)
_NPU_NAMES = {
    name: f"NPUW_LLM_{name}"
    for name in ("MAX_PROMPT_LEN", "MIN_RESPONSE_LEN", "PREFILL_HINT", "GENERATE_HINT")
}
# The formats that towers were checked in; a GPU would take f16 by itself.
_CHECKED = ("f32", "bf16")


def load_reader(facts: ModelFacts, placement: Placement, vision: VisionFacts) -> Reader:
    """Compile the parts of an exported folder; raises RuntimeError as the runtime."""
    core = openvino.Core()
    tower = core.compile_model(facts.folder / VISION_EMBEDDINGS_FILE, *_tower_target(placement))
    return Reader(
        Tower(tower, vision),
        load_embeddings(facts.folder, core),
        _load_language(facts.folder, placement, core),
    )


def load_embeddings(folder: Path, core: openvino.Core) -> TextEmbeddings:
    """Compile the tokens' table for the CPU, where a look-up is cheap, and exact in float32."""
    exact = {"INFERENCE_PRECISION_HINT": "f32"}
    return TextEmbeddings(core.compile_model(folder / TEXT_EMBEDDINGS_FILE, "CPU", exact))


def _load_language(folder: Path, placement: Placement, core: openvino.Core) -> LanguageModel:
    device, properties = placement.device, placement.properties
    model = core.read_model(folder / LANGUAGE_FILE)
    if device.kind == "NPU":
        compiled = core.compile_model(model, device.id, _to_npu(properties))
        return LanguageModel(compiled, placement.max_prompt, keeps=False)
    _compute_last_logits_only(model)
    return LanguageModel(core.compile_model(model, device.id, dict(properties)), STEP_TOKENS)


def _to_npu(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Say to the NPU's plugin what openvino.genai's pipelines make of the same properties.

    Source: openvino.genai 2026.4, utils.cpp, update_npu_config. The axes are those of the cache's
    tensors [batch, heads, places, head size]. The plugin itself leaves out needless logits.
    """
    given = {_NPU_NAMES.get(name, name): value for name, value in properties.items()}
    axes = {"NPUW_LLM_BATCH_DIM": 0, "NPUW_LLM_SEQ_LEN_DIM": 2}
    return {"NPU_USE_NPUW": "YES", "NPUW_LLM": "YES", **axes, **given}


def _compute_last_logits_only(model: openvino.Model) -> None:
    """Let the head see the last place alone: of a long prompt the other logits are large."""
    head = model.output("logits").get_node().input_value(0).get_node()
    if head.get_type_name() == "MatMul":
        last, end, step, axis = (
            op.constant(np.array([value], dtype=np.int64)) for value in (-1, 1 << 62, 1, 1)
        )
        hidden = op.slice(head.input_value(0), last, end, step, axis)
        head.input(0).replace_source_output(hidden.output(0))
        model.validate_nodes_and_infer_types()


def _tower_target(placement: Placement) -> tuple[str, dict[str, Any]]:
    """Name the tower's device, and its settings there."""
    device = placement.vision_device
    assert device is not None  # every placement of a model that sees has one
    given = placement.properties
    if device.kind == placement.device.kind:
        properties = {name: given[name] for name in _SHARED if name in given}
    else:
        properties = {name: given[name] for name in ("CACHE_DIR",) if name in given}
    if device.kind == "GPU" and properties.get("INFERENCE_PRECISION_HINT") not in _CHECKED:
        properties["INFERENCE_PRECISION_HINT"] = "f32"
    return device.id, properties
