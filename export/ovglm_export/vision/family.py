"""What a family of vision towers tells the exporter, and how its config and names are read."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ovglm.errors import CheckpointError
from ovglm.vision_facts import Placement, Positions, Tower
from ovglm.vision_sizes import tensor_names
from ovglm_export.config_reader import fraction, number
from ovglm_export.families.base import Config, Place
from ovglm_export.shard import TensorInfo
from ovglm_export.vision.tower import Activation, VisionArchitecture

__all__ = ["Style", "Tables", "VisionFamily", "read_numbers", "read_places"]

Tables = Mapping[str, TensorInfo]
# torch.nn.LayerNorm's own; both adapters make their norm without naming one.
_TORCH_NORM_EPS = 1e-5
# transformers' names of GELU, and the form that they mean.
_ACTIVATIONS: dict[str, Activation] = {
    "gelu": "ERF",
    "gelu_new": "TANH",
    "gelu_pytorch_tanh": "TANH",
}


@dataclass(frozen=True)
class Style:
    """What no config says of a tower, because its code does; see VisionArchitecture."""

    tower: Tower
    norm_first: bool
    has_class_vector: bool
    has_final_norm: bool
    placement: Placement
    positions: Positions


@dataclass(frozen=True)
class VisionFamily:
    """One kind of tower; data only.

    channels, heads, divisor: their fields in `vision_config`; None where vectors are not divided.
    defaults: what a left out field means. modules: the checkpoint's names by the internal ones, of
    what has a weight; layer_modules: those of layer N, which begin with layers + `.N.`; singles: of
    tensors without a module. fused_qkv: a layer's module that holds the rows of q, k and v.
    ignored_prefixes: how the names of tensors begin that the graph does without.
    """

    style: Style
    channels: str
    heads: str
    layers: str
    modules: Mapping[str, str]
    layer_modules: Mapping[str, str]
    singles: Mapping[str, str]
    divisor: str | None = None
    fused_qkv: str | None = None
    defaults: Mapping[str, Any] = field(default_factory=dict)
    ignored_prefixes: tuple[str, ...] = ()


def read_numbers(family: VisionFamily, config: Config, tensors: Tables) -> VisionArchitecture:
    """Read `vision_config`, and what only the adapter's tensors tell. Raises CheckpointError."""
    vision = {**family.defaults, **config["vision_config"]}
    return VisionArchitecture(
        image_size=number(vision, "image_size"),
        patch_size=number(vision, "patch_size"),
        channels=number(vision, family.channels),
        hidden_size=number(vision, "hidden_size"),
        intermediate_size=number(vision, "intermediate_size"),
        layers=number(vision, "num_hidden_layers"),
        heads=number(vision, family.heads),
        norm_eps=fraction(vision, "layer_norm_eps"),
        activation=_read_activation(vision),
        adapter_norm_eps=_TORCH_NORM_EPS,
        gate_size=_read_gate_size(tensors, f"{family.modules['vision.adapter.up']}.weight"),
        output_size=number(config, "hidden_size"),
        divisor=fraction(vision, family.divisor) if family.divisor else 1.0,
        begin_id=number(config, "boi_token_id"),
        end_id=number(config, "eoi_token_id"),
        **asdict(family.style),
    )


def read_places(family: VisionFamily, arch: VisionArchitecture) -> dict[str, Place]:
    """Map internal names to those of the checkpoint."""
    known = dict(family.modules)
    for at in range(arch.layers):
        for own, theirs in family.layer_modules.items():
            known[f"vision.layers.{at}.{own}"] = f"{family.layers}.{at}.{theirs}"
    places = {}
    for name in tensor_names(arch):
        module, _, kind = name.rpartition(".")
        if name in family.singles:
            places[name] = Place(family.singles[name])
        elif module in known:
            places[name] = Place(f"{known[module]}.{kind}")
        else:
            places[name] = _fused_place(family, arch, module, kind)
    return places


def _fused_place(family: VisionFamily, arch: VisionArchitecture, module: str, kind: str) -> Place:
    """Cut the fused matrix: rows [hidden | hidden | hidden] of q, k and v."""
    layer, part = module.split(".")[2], "qkv".index(module[-1])
    name = f"{family.layers}.{layer}.{family.fused_qkv}.{kind}"
    return Place(name, part * arch.hidden_size, (part + 1) * arch.hidden_size)


def _read_activation(vision: Config) -> Activation:
    """Read the form of GELU; another function is refused by name."""
    name = vision.get("hidden_act")
    if not isinstance(name, str) or name not in _ACTIVATIONS:
        raise CheckpointError(
            f"config.json sets vision_config.hidden_act to {name!r}; supported are "
            f"{', '.join(_ACTIVATIONS)}",
            "ovglm list names the models that can be exported",
        )
    return _ACTIVATIONS[name]


def _read_gate_size(tensors: Tables, name: str) -> int:
    """Read the width of the adapter's gated MLP from one of its matrices [gate_size, hidden]."""
    info = tensors.get(name)
    if info is None or len(info.shape) != 2 or not info.shape[0]:
        found = "is missing" if info is None else f"has shape {list(info.shape)}"
        raise CheckpointError(
            f"the adapter's matrix {name} {found}",
            "copy or download the checkpoint again, all of its shards and its own config.json",
        )
    return info.shape[0]
