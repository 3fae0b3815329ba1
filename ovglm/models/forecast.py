"""What a model of the catalogue will take, and which devices here can run it, before any download.

The sizes are the exporter's own arithmetic, the verdicts are those of a load, tried on paper.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from ovglm.devices.device import Device
from ovglm.devices.facts import ModelFacts
from ovglm.devices.fit import Footprint
from ovglm.devices.options import RuntimeOptions
from ovglm.devices.placing import Models, footprint_of, place
from ovglm.devices.tower import place_tower
from ovglm.errors import OvglmError
from ovglm.models.entry import Entry
from ovglm.recipe import DEVICES, Recipe, WeightFormat, illegal_on
from ovglm.vision_facts import VisionFacts, VisionWeights
from ovglm.vision_sizes import TowerShape, vision_bytes
from ovglm.weight_sizes import EMBEDDING, HEAD, export_bytes, planned_formats

__all__ = ["MEMORY_CONTEXT", "RECIPES", "Fit", "Forecast", "Verdict", "forecast"]

Verdict = Literal["green", "tight", "no"]
RECIPES: tuple[WeightFormat, ...] = ("int4", "int8", "bf16")
# The context that `memory_bytes` is told for, in tokens: some pages of text.
MEMORY_CONTEXT = 4096
# What an export without --vision-weights makes of a tower.
_TOWER: VisionWeights = "int8"
# A load that takes more of the free memory than this is called tight.
_EASY_SHARE = 0.8


@dataclass(frozen=True)
class Fit:
    """How a model fits one device now.

    verdict: green where a load takes its usual context and at most four fifths of the free
    memory; tight where a load works with less than one of these; no where it is refused.
    context: tokens of prompt and answer that a load without --context has room for; longest:
    the largest --context that is accepted. memory_bytes: what the load takes with `context`.
    reason: why not, where the verdict is no.
    """

    device: str
    verdict: Verdict
    context: int = 0
    longest: int = 0
    memory_bytes: int = 0
    reason: str = ""


@dataclass(frozen=True)
class Forecast:
    """What a model takes in one recipe.

    disk_bytes: the exported weights, a tower's too; tokenizer and graph add up to some 30 MB.
    memory_bytes: weights, KV cache for MEMORY_CONTEXT tokens and workspace, loaded on the CPU.
    """

    recipe: Recipe
    disk_bytes: int
    memory_bytes: int
    fits: tuple[Fit, ...]


def forecast(entry: Entry, weights: WeightFormat, devices: Sequence[Device]) -> Forecast:
    """Foresee an export of a model in a weight format's default recipe, and its loads."""
    recipe = Recipe(weights=weights)
    facts = _facts(entry, recipe)
    return Forecast(
        recipe=recipe,
        disk_bytes=facts.weights_bytes + facts.tower_bytes,
        memory_bytes=_memory(facts),
        fits=tuple(_judge(Models(facts, devices=tuple(devices)), device) for device in devices),
    )


def _facts(entry: Entry, recipe: Recipe) -> ModelFacts:
    """Say of a model that is not here what choosing a device asks of one that is."""
    shape = entry.shape
    formats = planned_formats(shape, recipe)
    layers = [one for name, one in formats.items() if name not in (EMBEDDING, HEAD)]
    groups = {one.group_size for one in formats.values() if one.kind == "int4"}
    return ModelFacts(
        name=f"{entry.name} in {recipe.weights}",
        folder=Path(entry.name),
        weights_bytes=export_bytes(shape, formats),
        layers=shape.layers,
        kv_heads=shape.kv_heads,
        head_dim=shape.head_dim,
        hidden=shape.hidden_size,
        vocabulary=shape.vocab_size,
        context_length=shape.context_length,
        stop_ids=(),
        dialect=entry.dialect or "",
        fingerprint="",
        recipe=recipe.name,
        illegal={kind: illegal_on(kind, recipe, groups) for kind in DEVICES},
        mend=f"ovglm export {entry.name} --device NPU",
        formats=frozenset(one.label() for one in layers),
        vision=_seen(entry.tower) if entry.tower else None,
        tower_bytes=vision_bytes(entry.tower, _TOWER) if entry.tower else 0,
    )


def _seen(tower: TowerShape) -> VisionFacts:
    """Say of a tower what its place and memory follow from; the rest, and all ids, say nothing."""
    is_eva = tower.has_class_vector
    return VisionFacts(
        tower="eva2_clip" if is_eva else "siglip",
        weights=_TOWER,
        image_size=tower.image_size,
        patch_size=tower.patch_size,
        channels=tower.channels,
        image_hidden_size=tower.hidden_size,
        hidden_size=tower.output_size,
        vectors=tower.vectors,
        resize="fit",
        resample="bicubic",
        rescale=1.0,
        mean=(),
        std=(),
        begin_id=0,
        end_id=0,
        placement="span" if is_eva else "each",
        positions="shared" if is_eva else "each",
        most_pictures=1,
    )


def _memory(facts: ModelFacts) -> int:
    cpu = Device("CPU", "CPU", "CPU")
    tokens = min(MEMORY_CONTEXT, facts.context_length)
    return _footprint(Models(facts, devices=(cpu,)), cpu, RuntimeOptions()).need(tokens).total


def _footprint(models: Models, device: Device, options: RuntimeOptions) -> Footprint:
    tower = place_tower(models.main, device, models.devices, options)
    return footprint_of(models, device, options, tower)


def _judge(models: Models, device: Device) -> Fit:
    try:
        context = _try(models, device)
    except OvglmError as error:
        return Fit(device.id, "no", reason=error.message)
    options = RuntimeOptions(context=context)
    need = _footprint(models, device, options).need(context).total
    free = device.memory_bytes if device.free_bytes is None else device.free_bytes
    roomy = replace(device, memory_bytes=None, free_bytes=None)
    is_easy = free is None or need <= _EASY_SHARE * free
    verdict: Verdict = "green" if is_easy and context == _try(models, roomy) else "tight"
    return Fit(device.id, verdict, context, _longest(models, device, context), need)


def _try(models: Models, device: Device, context: int | None = None) -> int:
    """Place the model as a load does; give the context that it gets. Raises OvglmError."""
    return place(models, device, RuntimeOptions(context=context), "a forecast").context


def _longest(models: Models, device: Device, fitting: int) -> int:
    """Find the largest context that a load accepts, between one that fits and the model's own."""
    refused = models.main.context_length + 1
    while refused - fitting > 1:
        middle = (fitting + refused) // 2
        try:
            fitting = _try(models, device, middle)
        except OvglmError:
            refused = middle
    return fitting
