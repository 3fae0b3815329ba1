"""The files of a checkpoint folder, checked but not yet understood: config.json and the shards."""

import json
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ovglm.errors import CheckpointError
from ovglm_export.shard import TensorInfo, map_tensor, read_header

__all__ = ["LocalShards", "Shards", "read_config", "read_tensors"]

_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")
_INDEX = "model.safetensors.index.json"
_AGAIN = "copy or download the checkpoint again, and give its folder"
# Rows that are compared at once.
_BAND_ROWS = 4096


class Shards(Protocol):
    """The *.safetensors files of a checkpoint folder: in it, or still on a hub.

    place: what a message calls the folder or the repository.
    """

    place: str

    def names(self) -> list[str]:
        """List them in a fixed order."""
        ...

    def has(self, name: str) -> bool:
        """Tell whether there is such a file."""
        ...

    def header(self, name: str) -> dict[str, TensorInfo]:
        """Read a file's tensor table."""
        ...

    def is_equal(self, one: TensorInfo, other: TensorInfo) -> bool:
        """Tell whether two tensors of equal shape and type hold the same values."""
        ...


class LocalShards:
    """The shards that lie in a folder."""

    def __init__(self, folder: Path) -> None:
        self.place = str(folder)
        self._folder = folder

    def names(self) -> list[str]:
        """List them; a link whose target is gone too, which is then refused by name."""
        return [path.name for path in sorted(self._folder.glob("*.safetensors"))]

    def has(self, name: str) -> bool:
        """Tell whether there is such a file."""
        return (self._folder / name).is_file()

    def header(self, name: str) -> dict[str, TensorInfo]:
        """Read a tensor table; a file that the system does not let us read is refused too."""
        try:
            return read_header(self._folder / name)
        except OSError as error:
            raise CheckpointError(f"{name} cannot be read: {error.strerror}", _AGAIN) from error

    def is_equal(self, one: TensorInfo, other: TensorInfo) -> bool:
        """Compare two mapped tensors band by band."""
        return all(
            np.array_equal(
                map_tensor(one)[row : row + _BAND_ROWS], map_tensor(other)[row : row + _BAND_ROWS]
            )
            for row in range(0, one.shape[0], _BAND_ROWS)
        )


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


def read_tensors(folder: Path, shards: Shards) -> dict[str, TensorInfo]:
    """Read the tensor tables of all shards, and hold them against the index where there is one."""
    tensors: dict[str, TensorInfo] = {}
    for file in _shard_names(folder, shards):
        for name, info in shards.header(file).items():
            if name in tensors:
                raise CheckpointError(
                    f"tensor {name} stands in {tensors[name].file.name} and in {file}", _AGAIN
                )
            tensors[name] = info
    if (folder / _INDEX).is_file():
        for name, file_name in _weight_map(folder).items():
            if name not in tensors or tensors[name].file.name != file_name:
                raise CheckpointError(f"{_INDEX} names {name}, absent from {file_name}", _AGAIN)
    return tensors


def _shard_names(folder: Path, shards: Shards) -> list[str]:
    """List the shards: those the index names, else every *.safetensors, in a fixed order."""
    if (folder / _INDEX).is_file():
        named = sorted(set(_weight_map(folder).values()))
        return [_known(shards, name) for name in named]
    files = [_known(shards, name) for name in shards.names()]
    if files:
        return files
    pickles = sorted(file.name for kind in _PICKLES for file in folder.glob(kind))
    if pickles:
        raise CheckpointError(
            f"{folder} holds only pickled weights ({pickles[0]}), which can run code when read",
            "get the safetensors form of this checkpoint",
        )
    raise CheckpointError(f"{shards.place} holds no *.safetensors file", _AGAIN)


def _weight_map(folder: Path) -> dict[str, str]:
    """Read the index: tensor name to file name."""
    index = _read_json(folder / _INDEX)
    table = index.get("weight_map") if isinstance(index, dict) else None
    if not isinstance(table, dict) or not all(isinstance(name, str) for name in table.values()):
        raise CheckpointError(f"{_INDEX} has no weight_map", _AGAIN)
    return table


def _known(shards: Shards, name: str) -> str:
    """Check the index's name for a shard; one that leaves the folder is refused."""
    if Path(name).name != name or "\\" in name or name in ("", ".", ".."):
        raise CheckpointError(f"{_INDEX} names a file outside the folder: {name!r}", _AGAIN)
    if not shards.has(name):
        raise CheckpointError(f"shard {name} is missing from {shards.place}", _AGAIN)
    return name


def _read_json(path: Path) -> Any:
    """Read a JSON file."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path.name} is not readable JSON: {error}", _AGAIN) from error
