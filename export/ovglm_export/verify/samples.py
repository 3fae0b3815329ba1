"""The fixed texts as samples of token ids, in the way this model reads and writes."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from ovglm.verification import Level
from ovglm_export.calibration.documents import Document
from ovglm_export.calibration.rendering import Renderer
from ovglm_export.verify.texts_en import ENGLISH
from ovglm_export.verify.texts_zh import CHINESE

__all__ = ["TEXTS", "Sample", "make_samples", "to_prompts"]

TEXTS: tuple[Document, ...] = (*ENGLISH, *CHINESE)
# Tokens of one sample: what a quick verification costs is about their sum over the ten groups.
_LONGEST: dict[Level, int] = {"quick": 32, "full": 512}


@dataclass(frozen=True)
class Sample:
    """The ids of one text; the first of them begin a prompt as the model's own do."""

    language: str
    kind: str
    ids: tuple[int, ...]


def make_samples(folder: Path, level: Level, longest: int) -> tuple[Sample, ...]:
    """Write the fixed texts with the tokenizer and the template of a folder.

    quick: the beginning of one text per language and kind. full: all of them. longest: the
    model's context in tokens. Raises OvglmError for ids that the model does not have.
    """
    renderer = Renderer.load(folder)
    most = min(_LONGEST[level], longest)
    found = []
    seen: set[tuple[str, str]] = set()
    for document in TEXTS:
        group = (document.language, document.kind)
        if level == "full" or group not in seen:
            ids = (*renderer.prefix, *chain(*renderer.pieces(document)))[:most]
            found.append(Sample(*group, ids))
        seen.add(group)
    renderer.check_ids([sample.ids for sample in found], "the fixed texts")
    return tuple(found)


def to_prompts(samples: Sequence[Sample]) -> list[tuple[int, ...]]:
    """Take the first half of each sample as a prompt for greedy decoding."""
    return [sample.ids[: max(1, len(sample.ids) // 2)] for sample in samples]
