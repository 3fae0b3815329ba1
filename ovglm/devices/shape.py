"""A model's sizes as its config.json names them, in the `glm` form or in GLM-4's original one."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ovglm.errors import FolderError

__all__ = ["ModelShape", "read_json", "read_shape"]

# The names of the `glm` form, then those of the original `chatglm` form.
_NAMES = {
    "layers": ("num_hidden_layers", "num_layers"),
    "kv_heads": ("num_key_value_heads", "multi_query_group_num", "num_attention_heads"),
    "head_dim": ("head_dim", "kv_channels"),
    "hidden": ("hidden_size",),
    "vocabulary": ("vocab_size", "padded_vocab_size"),
    "context_length": ("max_position_embeddings", "seq_length"),
}


@dataclass(frozen=True)
class ModelShape:
    """The sizes that decide about memory."""

    layers: int
    kv_heads: int
    head_dim: int
    hidden: int
    vocabulary: int
    context_length: int


def read_shape(path: Path) -> ModelShape:
    """Read a config.json.

    Raises FolderError where it cannot be read, or where a size is missing or no positive number.
    """
    config = read_json(path)
    heads = config.get("num_attention_heads")
    if "head_dim" not in config and "kv_channels" not in config and heads:
        config = {**config, "head_dim": config.get("hidden_size", 0) // heads}
    return ModelShape(**{one.name: _size(path, config, one.name) for one in fields(ModelShape)})


def read_json(path: Path) -> Mapping[str, Any]:
    """Read one JSON object; raises FolderError where there is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise FolderError(f"{path} cannot be read: {error}", "export the model again") from error
    if not isinstance(found, dict):
        raise FolderError(f"{path} holds no JSON object", "export the model again")
    return found


def _size(path: Path, config: Mapping[str, Any], field: str) -> int:
    for name in _NAMES[field]:
        value = config.get(name)
        if isinstance(value, int) and value > 0:
            return value
    names = " or ".join(_NAMES[field])
    raise FolderError(f"{path} names no {names} above 0", "export the model again")
