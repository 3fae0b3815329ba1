"""The files of a checkpoint folder, checked but not yet understood: config.json and the shards."""

import json
from pathlib import Path
from typing import Any

from ovglm.errors import CheckpointError
from ovglm_export.shard import TensorInfo, read_header

__all__ = ["read_config", "read_tensors", "weight_files"]

_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")
_INDEX = "model.safetensors.index.json"
_AGAIN = "copy or download the checkpoint again, and give its folder"


def read_config(folder: Path) -> dict[str, Any]:
    """Read config.json; its `auto_map` and the Python files it names are never used."""
    if not folder.is_dir():
        raise CheckpointError(f"{folder} is not a folder", "give the folder that holds config.json")
    path = folder / "config.json"
    if not path.is_file():
        raise CheckpointError(f"{folder} holds no config.json", _AGAIN)
    config = _read_json(path)
    if not isinstance(config, dict):
        raise CheckpointError(f"{path.name} is not a JSON object", _AGAIN)
    return config


def weight_files(folder: Path) -> list[Path]:
    """List the shards: those the index names, else every *.safetensors, in a fixed order."""
    if (folder / _INDEX).is_file():
        return [_shard(folder, name) for name in sorted(set(_weight_map(folder).values()))]
    # A link whose target is gone is listed too, and then refused by name.
    files = [_shard(folder, path.name) for path in sorted(folder.glob("*.safetensors"))]
    if files:
        return files
    pickles = sorted(file.name for kind in _PICKLES for file in folder.glob(kind))
    if pickles:
        raise CheckpointError(
            f"{folder} holds only pickled weights ({pickles[0]}), which can run code when read",
            "get the safetensors form of this checkpoint",
        )
    raise CheckpointError(f"{folder} holds no *.safetensors file", _AGAIN)


def read_tensors(folder: Path) -> dict[str, TensorInfo]:
    """Read the tensor tables of all shards, and hold them against the index where there is one."""
    tensors: dict[str, TensorInfo] = {}
    for file in weight_files(folder):
        for name, info in _read_shard(file).items():
            if name in tensors:
                raise CheckpointError(
                    f"tensor {name} stands in {tensors[name].file.name} and in {file.name}", _AGAIN
                )
            tensors[name] = info
    if (folder / _INDEX).is_file():
        for name, file_name in _weight_map(folder).items():
            if name not in tensors or tensors[name].file.name != file_name:
                raise CheckpointError(f"{_INDEX} names {name}, absent from {file_name}", _AGAIN)
    return tensors


def _read_shard(file: Path) -> dict[str, TensorInfo]:
    """Read a shard's tensor table; one that the system does not let us read is refused too."""
    try:
        return read_header(file)
    except OSError as error:
        raise CheckpointError(f"{file.name} cannot be read: {error.strerror}", _AGAIN) from error


def _weight_map(folder: Path) -> dict[str, str]:
    """Read the index: tensor name to file name."""
    index = _read_json(folder / _INDEX)
    table = index.get("weight_map") if isinstance(index, dict) else None
    if not isinstance(table, dict) or not all(isinstance(name, str) for name in table.values()):
        raise CheckpointError(f"{_INDEX} has no weight_map", _AGAIN)
    return table


def _shard(folder: Path, name: str) -> Path:
    """Find a shard by the index's name for it; a name that leaves the folder is refused."""
    if Path(name).name != name or "\\" in name or name in ("", ".", ".."):
        raise CheckpointError(f"{_INDEX} names a file outside the folder: {name!r}", _AGAIN)
    path = folder / name
    if not path.is_file():
        raise CheckpointError(f"shard {name} is missing from {folder}", _AGAIN)
    return path


def _read_json(path: Path) -> Any:
    """Read a JSON file."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path.name} is not readable JSON: {error}", _AGAIN) from error
