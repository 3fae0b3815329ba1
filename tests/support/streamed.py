"""What the tests of streaming share: small checkpoints in shards, and a hub that holds them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from benchmarks.shapes import SHAPES, write_checkpoint
from killed_exports import contents
from ovglm.hub import Patience, RemoteModel, find_remote
from ovglm.recipe import Recipe
from ovglm_export.pipeline import ExportOptions, export_checkpoint
from ovglm_export.streaming import stream_checkpoint
from small_hub import SmallHub

__all__ = [
    "REPO",
    "publish",
    "pulled_export",
    "shards_of",
    "small_hub",
    "stream",
    "write_shards",
]

REPO = "zai-org/small-glm"
SHAPE = replace(SHAPES["tiny"], layers=3)


@contextmanager
def small_hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallHub]:
    """Run a hub; the client waits for nothing."""
    with SmallHub() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        for name in ("HF_TOKEN", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "OVGLM_OFFLINE"):
            monkeypatch.delenv(name, raising=False)
        hasty = partial(Patience, stall_s=5, wait=lambda _: None)
        for module in ("fetching", "finding", "in_order"):
            monkeypatch.setattr(f"ovglm.hub.{module}.Patience", hasty)
        yield hub


def write_shards(folder: Path, shard_bytes: int = 250_000, seed: int = 0) -> Path:
    """Write a checkpoint of three layers as a hub has it: in order, cut within layers."""
    write_checkpoint(SHAPE, folder, shard_bytes=shard_bytes, seed=seed)
    return folder


def publish(hub: SmallHub, folder: Path, repo: str = REPO) -> RemoteModel:
    """Put a checkpoint on the hub, and find it there."""
    hub.add(repo, {file.name: file.read_bytes() for file in folder.iterdir()})
    return find_remote(repo)


def pulled_export(folder: Path, remote: RemoteModel, output: Path, recipe: Recipe) -> Path:
    """Export a folder as if it had been pulled."""
    options = ExportOptions(name=remote.name, origin=remote, verify="none")
    export_checkpoint(folder, output, recipe, options)
    return output


def shards_of(folder: Path) -> list[Path]:
    """List a folder's shards."""
    return sorted(folder.glob("*.safetensors"))


def stream(remote: RemoteModel, output: Path, recipe: Recipe | None = None) -> dict[str, bytes]:
    """Stream into a folder and read it."""
    stream_checkpoint(remote, output, recipe or Recipe())
    return contents(output)
