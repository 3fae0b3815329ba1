"""The model that is measured, as far as a benchmark must know it; read from its folder."""

from dataclasses import dataclass
from pathlib import Path

from ovglm.bench.prompts import plain_ids
from ovglm.devices import read_facts
from ovglm.devices.facts import ModelFacts
from ovglm.manifest import FILE_NAME, MatrixCount, read_manifest
from ovglm.tokens import Tokenizer

__all__ = ["Subject", "read_subject"]


@dataclass(frozen=True)
class Subject:
    """A model's facts, its matrices (none known of a foreign folder), and the ids of its text."""

    facts: ModelFacts
    matrices: tuple[MatrixCount, ...]
    ids: tuple[int, ...]


def read_subject(folder: Path) -> Subject:
    """Read an exported folder."""
    has_manifest = (folder / FILE_NAME).is_file()
    matrices = read_manifest(folder).matrices if has_manifest else ()
    return Subject(read_facts(folder), matrices, plain_ids(Tokenizer.load(folder)))
