"""A GLM checkpoint under one set of names; tensors are mapped when asked for."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ovglm.errors import CheckpointError
from ovglm.vision_sizes import PREFIX, tensor_shape
from ovglm.weight_sizes import expected_shape
from ovglm_export.architecture import Architecture
from ovglm_export.checkpoint_files import LocalShards, Shards, read_config, read_tensors
from ovglm_export.families import FAMILIES
from ovglm_export.families.base import Family, Place
from ovglm_export.shard import FLOAT_TYPES, TensorInfo, map_tensor
from ovglm_export.vision.family import read_places
from ovglm_export.vision.reading import find_vision_family, read_tower, text_config
from ovglm_export.vision.tower import VisionArchitecture, is_same_shape

__all__ = ["Checkpoint", "Weight", "open_checkpoint", "read_architecture"]

_EMBEDDING, _HEAD = "model.embed_tokens.weight", "lm_head.weight"


@dataclass(frozen=True)
class Weight:
    """A tensor's raw values (bf16 as uint16 bits) and its safetensors type: BF16, F16 or F32."""

    data: np.ndarray
    dtype: str

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the shape."""
        return self.data.shape

    def as_float32(self) -> np.ndarray:
        """Return the values as float32; exact, since bf16 and f16 are subsets of it."""
        if self.dtype == "BF16":
            return (self.data.astype(np.uint32) << 16).view(np.float32)
        return self.data.astype(np.float32)

    def is_finite(self) -> bool:
        """Tell whether no value is NaN or infinite."""
        if self.dtype != "BF16":
            return all(np.isfinite(piece).all() for piece in self._pieces())
        # As integers, +Inf and NaN begin at 0x7F80, -Inf and negative NaN at 0xFF80.
        return all(
            piece.view(np.int16).max() < 0x7F80 and piece.max() < 0xFF80 for piece in self._pieces()
        )

    def _pieces(self) -> list[np.ndarray]:
        """Cut the values into pieces that fit a processor's cache."""
        flat, step = self.data.reshape(-1), 1 << 19
        return [flat[start : start + step] for start in range(0, flat.size, step)]


@dataclass(frozen=True)
class Checkpoint:
    """An opened checkpoint: everything is checked but the values.

    vision: the tower of a model that takes pictures; its tensors are among the others.
    """

    folder: Path
    config: dict[str, Any]
    architecture: Architecture
    places: dict[str, Place]
    tensors: dict[str, TensorInfo]
    vision: VisionArchitecture | None = None

    @property
    def dtype(self) -> str:
        """Return the type of the embedding, which stands for the checkpoint's: BF16, F16 or F32."""
        return self.tensors[self.places[_EMBEDDING].name].dtype

    @property
    def size_bytes(self) -> int:
        """Return the size of all shards."""
        return sum(file.stat().st_size for file in {info.file for info in self.tensors.values()})

    def weight(self, name: str) -> Weight:
        """Map a tensor by its internal name.

        Raises CheckpointError where it holds a NaN or an infinity.
        """
        place = self.places[name]
        info = self.tensors[place.name]
        weight = Weight(map_tensor(info)[place.start : place.stop], info.dtype)
        if not weight.is_finite():
            raise CheckpointError(
                f"tensor {place.name} in {info.file.name} holds NaN or Inf",
                "copy or download this file again; if it stays so, its author has to mend it",
            )
        return weight


def open_checkpoint(folder: Path, shards: Shards | None = None) -> Checkpoint:
    """Open a checkpoint folder and check its config, files, names and shapes.

    shards: its weights, where they are not in the folder yet.
    Raises CheckpointError with the first thing that is wrong; no weight is read.
    """
    config = read_config(folder)
    family = _find_family(config)
    architecture = family.read_config(text_config(config))
    shards = shards or LocalShards(folder)
    tensors = read_tensors(folder, shards)
    _check_numbers(architecture, len(tensors))
    places = family.places(architecture)
    if architecture.tied and places[_HEAD].name not in tensors:
        places.pop(_HEAD)
    ignored = (*family.ignored_tensors, "model.rotary_emb.inv_freq")
    vision, looking = None, find_vision_family(config)
    if looking is not None:
        vision = read_tower(looking, config, tensors)
        places |= read_places(looking, vision)
        ignored += tuple(name for name in tensors if name.startswith(looking.ignored_prefixes))
    _check_names(places, tensors, ignored)
    _check_shapes(architecture, vision, places, tensors)
    architecture = _decide_tie(architecture, places, tensors, shards)
    if architecture.tied:
        places.pop(_HEAD, None)
    return Checkpoint(folder, config, architecture, places, tensors, vision)


def read_architecture(folder: Path) -> Architecture:
    """Read the architecture from config.json alone; whether the embeddings are tied is its claim.

    Raises CheckpointError.
    """
    config = read_config(folder)
    return _find_family(config).read_config(text_config(config))


def _find_family(config: dict[str, Any]) -> Family:
    """Find the family of a config by its model type."""
    kind = config.get("model_type")
    family = FAMILIES.get(kind) if isinstance(kind, str) else None
    if family is None:
        raise CheckpointError(
            f"config.json is of model type {kind!r}; supported are {', '.join(FAMILIES)}"
            + ("; its own Python code is never run" if "auto_map" in config else ""),
            "ovglm list names the models that can be exported",
        )
    return family


def _check_numbers(arch: Architecture, tensors: int) -> None:
    """Refuse numbers that contradict each other, or the number of tensors."""
    if arch.layers > tensors:
        raise CheckpointError(
            f"config.json has {arch.layers} layers, but the files hold only {tensors} tensors",
            "copy the checkpoint's own config.json again",
        )
    if arch.heads % arch.kv_heads:
        raise CheckpointError(
            f"config.json has {arch.heads} heads, which {arch.kv_heads} KV heads do not divide",
            "copy the checkpoint's own config.json again",
        )
    if arch.rotary_dim % 2 or arch.rotary_dim == 0:
        raise CheckpointError(
            f"config.json gives {arch.rotary_dim} rotary channels; an even number is needed",
            "copy the checkpoint's own config.json again",
        )


def _decide_tie(
    arch: Architecture, places: dict[str, Place], tensors: dict[str, TensorInfo], shards: Shards
) -> Architecture:
    """Tie the embeddings where the config says so, unless the file holds another head.

    GLM-Edge-1.5B's config has been seen saying tied beside a head of its own.
    """
    if not arch.tied or _HEAD not in places:
        return arch
    head, embedding = (tensors[places[name].name] for name in (_HEAD, _EMBEDDING))
    same = head.dtype == embedding.dtype and shards.is_equal(head, embedding)
    return replace(arch, tied=same)


def _check_names(
    places: dict[str, Place], tensors: dict[str, TensorInfo], ignored: tuple[str, ...]
) -> None:
    """Refuse absent tensors, and those that the graph would leave out."""
    wanted = {place.name for place in places.values()}
    if missing := sorted(wanted - tensors.keys()):
        raise CheckpointError(
            f"the checkpoint has no tensor {missing[0]} ({len(missing)} of {len(wanted)} missing)",
            "copy or download the checkpoint again, all of its shards and its own config.json",
        )
    if extra := sorted(tensors.keys() - wanted - set(ignored)):
        raise CheckpointError(
            f"the checkpoint holds {extra[0]}, which config.json does not ask for "
            f"({len(extra)} such tensors)",
            "copy the checkpoint's own config.json again",
        )


def _check_shapes(
    arch: Architecture,
    vision: VisionArchitecture | None,
    places: dict[str, Place],
    tensors: dict[str, TensorInfo],
) -> None:
    """Hold the shapes and types of all tensors against the config's numbers."""
    rows: dict[str, int] = {}
    for place in places.values():
        rows[place.name] = max(rows.get(place.name, 0), place.stop or 0)
    for name, place in places.items():
        info = tensors[place.name]
        tower = vision if name.startswith(PREFIX) else None
        wanted = tensor_shape(tower, name) if tower else expected_shape(arch, name)
        if place.stop is not None:
            wanted = (rows[place.name], *wanted[1:])
        fits = is_same_shape(info.shape, wanted) if tower else info.shape == wanted
        if not fits:
            raise CheckpointError(
                f"tensor {place.name} has shape {list(info.shape)}, but config.json asks for "
                f"{list(wanted)}",
                "copy the checkpoint's own config.json again",
            )
        if info.dtype not in FLOAT_TYPES:
            raise CheckpointError(
                f"tensor {place.name} is of type {info.dtype}, not one of {', '.join(FLOAT_TYPES)}",
                "get the checkpoint in bf16, f16 or f32",
            )
