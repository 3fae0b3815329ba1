"""Exports of tiny models that the tests share: equal wishes are fulfilled by one export."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from killed_exports import Export, contents, exports_in_processes
from ovglm.recipe import Recipe
from small_hub import SmallHub
from streamed import publish, pulled_export, small_hub, write_shards
from tiny_models import TinyModels


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory: pytest.TempPathFactory) -> TinyModels:
    """Tiny checkpoints and exports; read-only for the tests."""
    return TinyModels(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Export]:
    """A function that exports in a process of its own, which may be killed on the way."""
    if not hasattr(os, "fork"):
        pytest.skip("needs fork")
    with exports_in_processes(tmp_path_factory.mktemp("log") / "parts.txt") as run:
        yield run


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallHub]:
    """A hub of our own, which the client asks and waits for in vain for no time."""
    with small_hub(monkeypatch) as one:
        yield one


@pytest.fixture(scope="session")
def kept_shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint in several shards, cut within its layers; read-only for the tests."""
    return write_shards(tmp_path_factory.mktemp("streamed") / "source")


@pytest.fixture
def in_shards(kept_shards: Path, tmp_path: Path) -> Path:
    """The same, in a folder that a test may change."""
    shutil.copytree(kept_shards, tmp_path / "source")
    return tmp_path / "source"


@pytest.fixture(scope="session")
def plain_bytes(kept_shards: Path) -> dict[str, bytes]:
    """The files of its plain export, after a pull from the hub."""
    with pytest.MonkeyPatch.context() as patch, small_hub(patch) as hub:
        remote = publish(hub, kept_shards)
    output = kept_shards.with_name("plain")
    return contents(pulled_export(kept_shards, remote, output, Recipe()))
