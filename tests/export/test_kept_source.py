"""An export keeps its source in the store for as long as it runs."""

import shutil
from pathlib import Path
from typing import Any

from ovglm.errors import FolderError
from ovglm.progress import Unit
from ovglm.recipe import Recipe
from ovglm.stored_sources import list_sources, remove_source
from ovglm_export.pipeline import ExportOptions, export_checkpoint
from stored import COMMIT


class _Remover:
    """Progress that tries to remove the source at every stage."""

    def __init__(self) -> None:
        self.refusals: list[str] = []

    def stage(self, name: str, total: int, unit: Unit = "steps") -> None:
        """Try to remove it."""
        try:
            remove_source(list_sources()[0])
        except FolderError as error:
            self.refusals.append(error.message)

    def advance(self, steps: int = 1) -> None:
        """Do nothing."""


def test_a_source_cannot_be_removed_under_its_export(
    tiny_models: Any, home: Path, tmp_path: Path
) -> None:
    source = home / "sources" / "huggingface" / "zai-org--glm-tiny" / COMMIT
    shutil.copytree(tiny_models.checkpoint("glm"), source)
    remover = _Remover()
    export_checkpoint(source, tmp_path / "out", Recipe(), ExportOptions(progress=remover))
    assert len(remover.refusals) >= 3
    assert all("is in use" in message for message in remover.refusals)
    remove_source(list_sources()[0])
    assert not source.exists()
    assert (tmp_path / "out" / "openvino_model.xml").is_file()
