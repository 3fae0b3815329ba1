"""What all tests share: a home of their own, no way to a real hub, and nano exported once."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from ovglm.recipe import Recipe
from small_hub import SmallHub
from tiny_vision import FAMILIES
from vision_exports import VisionExports

# A shell ignores Ctrl-C in what it starts in the background, and so would all that tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh OVGLM_HOME."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("OVGLM_HOME", str(folder))
    return folder


@pytest.fixture(autouse=True)
def no_real_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody answers where the hubs would be, and nobody's token is used."""
    for name in ("HF_ENDPOINT", "MODELSCOPE_ENDPOINT"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "MODELSCOPE_API_TOKEN", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, no_real_hub: None) -> Iterator[SmallHub]:
    """A hub of our own, which both clients take for theirs."""
    with SmallHub() as one:
        for name in ("HF_ENDPOINT", "MODELSCOPE_ENDPOINT"):
            monkeypatch.setenv(name, one.address)
        yield one


@pytest.fixture(scope="session")
def nano(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """nano as `ovglm export nano` writes it, in INT4. Copy it before you change it."""
    return _export_nano(tmp_path_factory, Recipe())


@pytest.fixture(scope="session")
def nano_bf16(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """nano with the checkpoint's own weights. Copy it before you change it."""
    return _export_nano(tmp_path_factory, Recipe(weights="bf16"))


@pytest.fixture(scope="session")
def nano_v(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """nano-v, which sees pictures, in INT4 with its tower in INT8. Copy it before you change it."""
    return _export_nano(tmp_path_factory, Recipe(), "nano-v")


@pytest.fixture(scope="session", params=FAMILIES)
def vision(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> VisionExports:
    """A tiny checkpoint that takes pictures, of each family, and its exports; read-only."""
    return VisionExports(tmp_path_factory.mktemp("vision"), request.param)


def _export_nano(
    tmp_path_factory: pytest.TempPathFactory, recipe: Recipe, name: str = "nano"
) -> Path:
    from ovglm.nano import checkpoint_folder
    from ovglm_export.pipeline import ExportOptions, export_checkpoint

    output = tmp_path_factory.mktemp(name) / f"{name}-{recipe.name}"
    export_checkpoint(checkpoint_folder(name), output, recipe, ExportOptions(name=name))
    return output
