"""How far an export is from its original: the figures, as the manifest keeps them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ovglm.vision_facts import VisionAgreement, read_vision_agreement

__all__ = [
    "Agreement",
    "Divergence",
    "LayerError",
    "Level",
    "Verification",
    "read_verification",
]

Level = Literal["quick", "full"]


@dataclass(frozen=True)
class Agreement:
    """How the export predicts the tokens of some texts, held against the original.

    language and kind: empty where the texts of all are taken together. kl_mean, kl_p99: mean and
    99th percentile over tokens of KL(original || export), in nats. top1: share of tokens whose
    likeliest successor is the same. top5: share of the original's five likeliest that are among
    the export's five. perplexity_ratio: the export's perplexity over the original's.
    """

    language: str
    kind: str
    tokens: int
    kl_mean: float
    kl_p99: float
    top1: float
    top5: float
    perplexity: float
    export_perplexity: float
    perplexity_ratio: float


@dataclass(frozen=True)
class Divergence:
    """Where greedy decoding of the export first leaves that of the original.

    form: `decoded`: the original answered each prompt with up to `limit` tokens. `in_texts`, for
    models too large to decode within the bound of memory: stretches of the fixed texts that are
    what the original itself would have written, which needs no second pass.
    prompts: how many were followed; diverged: of these, how many left the original's tokens.
    tokens: greedy tokens compared, each prompt's up to its first different one.
    median: of those that diverged the median place of the first different token, from 1 on.
    """

    form: Literal["decoded", "in_texts"]
    limit: int
    prompts: int
    diverged: int
    tokens: int
    median: float | None


@dataclass(frozen=True)
class LayerError:
    """The relative error of one layer's output, the mean over tokens of |difference| / |original|.

    added: with the original's own states as input. carried: with those of the export, so it holds
    the errors of all layers before it too.
    """

    layer: int
    added: float
    carried: float


@dataclass(frozen=True)
class Verification:
    """One verification. activations: how the export's activations were rounded when it ran.

    vision: of the tower, where there is one.
    """

    level: Level
    activations: str
    total: Agreement
    groups: tuple[Agreement, ...]
    divergence: Divergence
    layers: tuple[LayerError, ...]
    vision: VisionAgreement | None = None


def read_verification(raw: Mapping[str, Any] | None) -> Verification | None:
    """Rebuild what a manifest holds; None where nothing was verified."""
    if raw is None:
        return None
    return Verification(
        level=raw["level"],
        activations=raw["activations"],
        total=Agreement(**raw["total"]),
        groups=tuple(Agreement(**one) for one in raw["groups"]),
        divergence=Divergence(**raw["divergence"]),
        layers=tuple(LayerError(**one) for one in raw["layers"]),
        vision=read_vision_agreement(raw.get("vision")),
    )
