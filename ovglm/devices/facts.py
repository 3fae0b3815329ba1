"""What choosing a device needs to know of a model."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ovglm.manifest import Golden
from ovglm.vision_facts import VisionFacts

__all__ = ["ModelFacts"]


@dataclass(frozen=True)
class ModelFacts:
    """Facts of an exported folder, ours or a foreign one.

    weights_bytes: the size of the IR's weights, without those of a tower, which has tower_bytes.
    illegal: for each kind of device why the recipe cannot run there, an empty text where it can.
    mend: the export command that makes a legal one. fingerprint: SHA-256 of the IR (from the
    manifest, or of the files' sizes and ends). formats: those of the layers' matrices, such as
    `int4 sym g128`. vision: the pictures that the model takes, None for a model of text.
    """

    name: str
    folder: Path
    weights_bytes: int
    layers: int
    kv_heads: int
    head_dim: int
    hidden: int
    vocabulary: int
    context_length: int
    stop_ids: tuple[int, ...]
    dialect: str
    fingerprint: str
    recipe: str
    illegal: Mapping[str, str] = field(default_factory=dict)
    mend: str = ""
    golden: tuple[Golden, ...] = ()
    is_foreign: bool = False
    formats: frozenset[str] = frozenset()
    vision: VisionFacts | None = None
    tower_bytes: int = 0
