"""Puts a model on one device, on paper: every rule, the memory, and what the pipeline is told."""

import math
from dataclasses import dataclass
from pathlib import Path

from ovglm.devices.cpu import CpuPolicy
from ovglm.devices.device import Device, Kind
from ovglm.devices.facts import ModelFacts
from ovglm.devices.fit import PAGE_TOKENS, Footprint, check_fit
from ovglm.devices.gpu import GpuPolicy
from ovglm.devices.npu import NpuPolicy
from ovglm.devices.options import RuntimeOptions
from ovglm.devices.placement import Placement
from ovglm.devices.policy import EngineKind, Policy
from ovglm.devices.properties import settle_options
from ovglm.devices.tower import TowerPlace, in_one_piece, place_tower
from ovglm.devices.window import Window
from ovglm.errors import OvglmError, RecipeError

__all__ = ["POLICIES", "Models", "footprint_of", "place"]

POLICIES: dict[Kind, Policy] = {"CPU": CpuPolicy(), "GPU": GpuPolicy(), "NPU": NpuPolicy()}
# What only openvino.genai's pipelines read, or what concerns ids, of which vectors have none.
_OF_TEXT_ENGINES = ("ATTENTION_BACKEND", "NPUW_LLM_ENABLE_PREFIX_CACHING")
# Without being asked, the paged cache holds this many answers, for requests side by side and for
# prompts that come again, as far as a quarter of the free memory pays for them.
_SIDE_BY_SIDE = 4
_CACHE_SHARE = 4


@dataclass(frozen=True)
class Models:
    """The model to place, the smaller one that guesses for it, and the devices of this machine."""

    main: ModelFacts
    draft: ModelFacts | None = None
    devices: tuple[Device, ...] = ()


def place(models: Models, device: Device, options: RuntimeOptions, reason: str) -> Placement:
    """Say how the model is loaded onto the device.

    Raises RecipeError where the device cannot run it, and OvglmError where an option cannot be
    honoured or the memory does not suffice.
    """
    facts, policy = models.main, POLICIES[device.kind]
    for one in (facts, *([models.draft] if models.draft else [])):
        if refusal := policy.accepts(one, device):
            raise RecipeError(f"{one.name} cannot run on {device.id}: {refusal}", one.mend or None)
    options = settle_options(device, options)
    policy.check(device, options)
    engine: EngineKind = "vision" if facts.vision else policy.engine(options)
    _check_alone(engine, device, options)
    tower = place_tower(facts, device, models.devices or (device,), options)
    memory = _Memory(device, footprint_of(models, device, options, tower), options.requests)
    window = policy.window(facts, options, memory.most_context)
    memory.check(facts, window)
    tokens = memory.paged_tokens(window) if engine == "paged" else window.context
    return Placement(
        device=device,
        engine=engine,
        reason=reason,
        context=window.context,
        max_prompt=window.max_prompt,
        need=memory.footprint.need(tokens),
        cache_tokens=tokens,
        properties={**policy.properties(facts, device, options), **dict(options.properties)},
        cache_dir=_cache_folder(policy, options),
        notes=(
            *([window.note] if window.note else []),
            *([tower.note] if tower and tower.note else []),
            *(["another tool made this folder: it has no golden tokens"] * facts.is_foreign),
            *(
                [f"{device.id} does not tell its memory: the fit is not checked"]
                * memory.is_unknown
            ),
            *policy.notes(facts, device, options),
        ),
        vision_device=tower.device if tower else None,
    )


def _cache_folder(policy: Policy, options: RuntimeOptions) -> Path | None:
    """Give the folder of compiled models; a folder that is asked for is used on any device."""
    if not options.cache:
        return None
    if options.cache_dir or not policy.keeps_compiled:
        return options.cache_dir
    from ovglm.compiled_cache import compiled_folder  # costs 40 ms, which --help has no use for

    return compiled_folder()


def footprint_of(
    models: Models, device: Device, options: RuntimeOptions, tower: TowerPlace | None
) -> Footprint:
    """Count what the models take of a device's memory; tower: where that of the main one goes."""
    policy = POLICIES[device.kind]
    footprint = policy.footprint(models.main, device, options)
    if tower is not None:
        is_npu = device.kind == "NPU"  # whose cache has one size, and whose policy knows that
        return (footprint if is_npu else in_one_piece(footprint)).beside(tower.footprint)
    if models.draft is None:
        return footprint
    return footprint.beside(policy.footprint(models.draft, device, options))


def _check_alone(engine: EngineKind, device: Device, options: RuntimeOptions) -> None:
    """Refuse what only the paged engine has, and a choice that the vision engine has not."""
    for name in _OF_TEXT_ENGINES:
        if engine == "vision" and name in dict(options.properties):
            raise OvglmError(
                f"{name} is for models of text; it has no effect with one that takes pictures",
                hint=f"leave out {name}",
            )
    wishes = (
        (options.draft is not None, "a draft model"),
        (options.prompt_lookup, "prompt lookup"),
        (options.requests > 1, f"{options.requests} requests at once"),
    )
    for is_wished, wish in wishes:
        if is_wished and engine != "paged":
            mend = "leave that out" if engine == "vision" else "leave that out, or --device CPU"
            raise OvglmError(
                f"the {engine} engine on {device.id}, which answers one after the other, has not "
                f"{wish}",
                hint=mend,
            )


@dataclass(frozen=True)
class _Memory:
    """What of a device's memory a model takes; `free` bytes are None where nothing tells."""

    device: Device
    footprint: Footprint
    requests: int

    @property
    def free(self) -> int | None:
        """Bytes for the model; of a discrete GPU all, as it does not tell what others use."""
        device = self.device
        return device.memory_bytes if device.free_bytes is None else device.free_bytes

    @property
    def is_unknown(self) -> bool:
        """Whether nothing can be checked."""
        return self.free is None

    @property
    def most_context(self) -> int | None:
        """The longest context, in whole pages, that each request can have."""
        if self.free is None:
            return None
        most = self.footprint.most_tokens(self.free) // self.requests
        return most - most % self._page

    @property
    def _page(self) -> int:
        return PAGE_TOKENS.get(self.device.kind, 1)

    def check(self, facts: ModelFacts, window: Window) -> None:
        """Raise OvglmError where `requests` answers of this context do not fit."""
        if self.free is not None:
            tokens = window.context * self.requests
            need = self.footprint.need(tokens)
            check_fit(facts, need, tokens, self.most_context or 0, self.free)

    def paged_tokens(self, window: Window) -> int:
        """Give the size of the paged cache in tokens, in whole pages."""
        pages = math.ceil(window.context * self.requests / self._page)
        if self.free is not None:
            affordable = self.free // _CACHE_SHARE // self.footprint.cache_per_token
            roomy = min(affordable, self.footprint.most_tokens(self.free))
            pages = max(pages, min(_SIDE_BY_SIDE * window.context, roomy) // self._page)
        return pages * self._page
