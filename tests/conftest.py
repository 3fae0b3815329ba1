"""What all tests share: ovglm's own folder is never that of the person who runs them."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh OVGLM_HOME."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("OVGLM_HOME", str(folder))
    return folder
