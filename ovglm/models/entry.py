"""What the catalogue says of one model."""

from dataclasses import dataclass
from typing import Literal

from ovglm.vision_sizes import TowerShape, count_tower_parameters
from ovglm.weight_sizes import CHECKPOINT_BYTES, checkpoint_bytes, count_parameters

__all__ = ["Entry", "Hub", "Licence", "Shape"]

Hub = Literal["huggingface", "modelscope"]
# The names that the same organisation has on the hubs, the present one first.
ORGANISATIONS: dict[Hub, tuple[str, ...]] = {
    "huggingface": ("zai-org", "THUDM"),
    "modelscope": ("ZhipuAI",),
}


@dataclass(frozen=True)
class Licence:
    """What the weights may be used for: a short name, one sentence, and where the text is."""

    name: str
    note: str
    url: str


@dataclass(frozen=True)
class Shape:
    """The numbers of a model's config.json that its sizes follow from (`weight_sizes.Dimensions`).

    context_length: the longest prompt and answer together that it was made for, in tokens.
    """

    hidden_size: int
    intermediate_size: int
    layers: int
    heads: int
    kv_heads: int
    vocab_size: int
    context_length: int
    head_dim: int = 128
    qkv_bias: bool = True
    tied: bool = False
    extra_norms: bool = False


@dataclass(frozen=True)
class Entry:
    """One model of the catalogue.

    name: in lower case, the last part of its repositories' names. model_type: that of its
    config.json. dialect: how it writes turns, tools and thoughts, as `ovglm.dialects` names it;
    None where that is not known before its template is read. repository: on Hugging Face, by the
    organisation's present name; None where the weights ship with ovglm. is_base: it goes on with
    a text and was not trained to chat. note: one sentence more, where there is need. tower: what
    looks at pictures, None for a model of text alone.
    """

    name: str
    model_type: str
    summary: str
    repository: str | None
    shape: Shape
    dialect: str | None
    licence: Licence
    is_base: bool = False
    note: str = ""
    tower: TowerShape | None = None

    @property
    def parameters(self) -> int:
        """Count all weights of the checkpoint, the tower's too."""
        tower = count_tower_parameters(self.tower) if self.tower else 0
        return count_parameters(self.shape) + tower

    @property
    def download_bytes(self) -> int:
        """Return the bytes of all tensors in bf16; 0 where the weights ship with ovglm."""
        if self.repository is None:
            return 0
        tower = count_tower_parameters(self.tower) * CHECKPOINT_BYTES if self.tower else 0
        return checkpoint_bytes(self.shape) + tower

    def repositories(self, hub: Hub) -> tuple[str, ...]:
        """List its names on a hub, the present one first."""
        if self.repository is None:
            return ()
        own = self.repository.rpartition("/")[2]
        return tuple(f"{organisation}/{own}" for organisation in ORGANISATIONS[hub])
