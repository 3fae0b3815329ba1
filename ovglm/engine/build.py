"""From a placement to a running engine: builds the pipeline that it names. Decides nothing."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import openvino_genai

from ovglm.devices.facts import ModelFacts
from ovglm.devices.options import RuntimeOptions
from ovglm.devices.placement import Placement
from ovglm.engine.base import EngineInfo
from ovglm.engine.guessing import Guessing, plan_guessing
from ovglm.engine.limits import Limits
from ovglm.engine.native import native_failure
from ovglm.engine.paged import PagedEngine
from ovglm.engine.prefixes import Prefixes
from ovglm.engine.scorer import Scorer
from ovglm.engine.static import StaticEngine
from ovglm.engine.vision.build import load_reader
from ovglm.engine.vision.engine import VisionEngine
from ovglm.signal_stack import kept_signal_stack
from ovglm.tokens import Tokenizer

__all__ = ["LocalEngine", "build_engine", "limits_of"]

LocalEngine = PagedEngine | StaticEngine | VisionEngine

# Tokens of one page of the KV cache, set by the plugins' paged attention.
_PAGE_TOKENS = {"CPU": 32, "GPU": 16}
# Prompt tokens of one step: more would keep the other requests, and a cancel, waiting for longer.
_STEP_TOKENS = 512
# What LLMPipeline understands and ContinuousBatchingPipeline does not.
_LLM_PIPELINE_ONLY = ("ATTENTION_BACKEND",)


@kept_signal_stack()
def build_engine(
    facts: ModelFacts,
    placement: Placement,
    tokenizer: Tokenizer,
    options: RuntimeOptions | None = None,
) -> LocalEngine:
    """Load the model as `placement` says; of `options` only the guessing ahead is read here.

    Raises OvglmError where the device refuses the model or is gone.
    """
    device = placement.device
    what = f"{device.id} ({device.name}) could not load {facts.folder}"
    try:
        return _build(facts, placement, tokenizer, options or RuntimeOptions())
    except RuntimeError as error:
        raise native_failure(what, error, "ovglm doctor") from error


def limits_of(facts: ModelFacts, placement: Placement) -> Limits:
    """Give the rules that requests to this model on this device follow."""
    stop_ids = frozenset(facts.stop_ids)
    return Limits(placement.context, placement.max_prompt, facts.vocabulary, stop_ids)


def _build(
    facts: ModelFacts, placement: Placement, tokenizer: Tokenizer, options: RuntimeOptions
) -> LocalEngine:
    limits = limits_of(facts, placement)
    info = _describe(facts, placement)
    if facts.vision is not None:
        reader = load_reader(facts, placement, facts.vision)
        per_token = placement.need.kv_cache // placement.cache_tokens
        return VisionEngine(reader, info, limits, tokenizer, facts.vision, per_token)
    properties = {
        name: value
        for name, value in placement.properties.items()
        if placement.engine == "static" or name not in _LLM_PIPELINE_ONLY
    }
    guessing = plan_guessing(facts.folder, placement, options, properties)
    if placement.engine == "static":
        load: Any = openvino_genai.LLMPipeline  # its stub does not know properties by keyword
        pipeline = load(str(facts.folder), placement.device.id, **properties)
        return StaticEngine(pipeline, info, limits, tokenizer, Scorer(facts.folder, "CPU", {}))
    paged = _load_paged(facts.folder, placement, guessing, properties)
    prefixes = None if guessing.extras else Prefixes(*_pages(placement), _STEP_TOKENS)
    scorer = Scorer(facts.folder, placement.device.id, properties)
    return PagedEngine(paged, info, limits, tokenizer, guessing.extras, prefixes, scorer)


def _pages(placement: Placement) -> tuple[int, int]:
    """Give the tokens of one page of the cache, and how many pages it has."""
    page = _PAGE_TOKENS[placement.device.kind]
    return page, math.ceil(placement.cache_tokens / page)


def _load_paged(
    folder: Path, placement: Placement, guessing: Guessing, properties: Mapping[str, Any]
) -> openvino_genai.ContinuousBatchingPipeline:
    scheduler = openvino_genai.SchedulerConfig()
    _, pages = _pages(placement)
    # guesses that turn out wrong need room, too
    scheduler.num_kv_blocks = pages + (1 if guessing.extras else 0)
    scheduler.max_num_batched_tokens = _STEP_TOKENS
    scheduler.enable_prefix_caching = guessing.shares_prefixes
    return openvino_genai.ContinuousBatchingPipeline(
        str(folder), scheduler, placement.device.id, {**properties, **guessing.properties}
    )


def _describe(facts: ModelFacts, placement: Placement) -> EngineInfo:
    return EngineInfo(
        model=facts.name,
        folder=str(facts.folder),
        kind=placement.engine,
        device=placement.device.id,
        device_name=placement.device.name,
        reason=placement.reason,
        context=placement.context,
        max_prompt=placement.max_prompt,
        load_s=0.0,
        is_emulated=placement.device.is_emulated,
        properties={name: str(value) for name, value in placement.properties.items()},
        notes=placement.notes,
        vision=facts.vision,
        vision_device=placement.vision_device.id if placement.vision_device else "",
    )
