"""What all tests share: a home of their own, and nano exported once."""

from pathlib import Path

import pytest

from ovglm.recipe import Recipe


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh OVGLM_HOME."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("OVGLM_HOME", str(folder))
    return folder


@pytest.fixture(scope="session")
def nano(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """nano as `ovglm export nano` writes it, in INT4. Copy it before you change it."""
    return _export_nano(tmp_path_factory, Recipe())


@pytest.fixture(scope="session")
def nano_bf16(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """nano with the checkpoint's own weights. Copy it before you change it."""
    return _export_nano(tmp_path_factory, Recipe(weights="bf16"))


def _export_nano(tmp_path_factory: pytest.TempPathFactory, recipe: Recipe) -> Path:
    from ovglm.nano import checkpoint_folder
    from ovglm_export.pipeline import ExportOptions, export_checkpoint

    output = tmp_path_factory.mktemp("nano") / f"nano-{recipe.name}"
    export_checkpoint(checkpoint_folder(), output, recipe, ExportOptions(name="nano"))
    return output
