"""The catalogue as a program reads it."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, get_args

from ovglm.devices import Device
from ovglm.models import Entry
from ovglm.models.abilities import abilities_of
from ovglm.models.entry import Hub
from ovglm.models.forecast import MEMORY_CONTEXT, RECIPES, forecast

__all__ = ["models_to_json"]


def models_to_json(entries: Sequence[Entry], devices: Sequence[Device]) -> dict[str, Any]:
    """Give one JSON object; sizes in bytes, contexts in tokens, null where nothing is known."""
    models = [_to_json(entry, devices) for entry in entries]
    return {"memory_context": MEMORY_CONTEXT, "models": models}


def _to_json(entry: Entry, devices: Sequence[Device]) -> dict[str, Any]:
    return {
        "name": entry.name,
        "summary": entry.summary,
        "model_type": entry.model_type,
        "repositories": {hub: list(entry.repositories(hub)) for hub in get_args(Hub)},
        "parameters": entry.parameters,
        "context_length": entry.shape.context_length,
        "is_base": entry.is_base,
        **asdict(abilities_of(entry)),
        "licence": asdict(entry.licence),
        "note": entry.note or None,
        "download_bytes": entry.download_bytes,
        "recipes": {weights: _recipe(entry, weights, devices) for weights in RECIPES},
    }


def _recipe(entry: Entry, weights: Any, devices: Sequence[Device]) -> dict[str, Any]:
    found = forecast(entry, weights, devices)
    return {
        "recipe": found.recipe.name,
        "disk_bytes": found.disk_bytes,
        "memory_bytes": found.memory_bytes,
        "devices": [asdict(fit) for fit in found.fits],
    }
