"""What a family tells the exporter: how to read its config, and where its tensors lie."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ovglm_export.architecture import Architecture

__all__ = ["Config", "Family", "Place"]

Config = Mapping[str, Any]


@dataclass(frozen=True)
class Place:
    """Where a tensor lies in the checkpoint: a tensor's name, and rows start:stop of it."""

    name: str
    start: int = 0
    stop: int | None = None


@dataclass(frozen=True)
class Family:
    """One architecture: config in, numbers and tensor places out; data and pure functions only."""

    read_config: Callable[[Config], Architecture]
    places: Callable[[Architecture], dict[str, Place]]
    ignored_tensors: tuple[str, ...] = ()
