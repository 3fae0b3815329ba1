"""Holds an exported folder against its checkpoint, by the steps in order."""

import errno
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ovglm.progress import Progress, Silence
from ovglm.verification import Divergence, Level, Verification
from ovglm.vision_facts import VisionAgreement
from ovglm_export.architecture import Architecture
from ovglm_export.checkpoint import Checkpoint
from ovglm_export.text_models import read_text_model
from ovglm_export.verify.cut import cut_graph
from ovglm_export.verify.export_parts import activations_of, properties_of
from ovglm_export.verify.figures import agreements, split
from ovglm_export.verify.greedy import (
    DECODED_BYTES,
    LIMITS,
    Answer,
    compare_answers,
    compare_in_texts,
    decode,
)
from ovglm_export.verify.logits import Predictions, compare_logits, logits_bytes
from ovglm_export.verify.samples import Sample, make_samples, to_prompts
from ovglm_export.verify.walk import Pair, Walk
from ovglm_export.vision.verifying import verify_tower

__all__ = ["VerifyOptions", "verify_folder"]


@dataclass(frozen=True)
class VerifyOptions:
    """How an export is verified.

    exact: do not round the export's activations, so that only its weights count.
    """

    level: Level = "full"
    exact: bool = False
    progress: Progress = field(default_factory=Silence)


def verify_folder(
    checkpoint: Checkpoint,
    folder: Path,
    stop_ids: Sequence[int],
    options: VerifyOptions,
    work: Path | None = None,
) -> Verification:
    """Run both over the fixed texts and compare; a model never is in memory as a whole.

    Models of more than 128 MiB are decoded only where the texts are what they would write, see
    Divergence. work: where hidden states and logits may lie for the time; else the system's own
    temporary folder. Raises OvglmError for an export that cannot be cut, or gives NaN, and OSError
    (ENOSPC) before the work where the disk has no room for it.
    """
    arch = checkpoint.architecture
    samples = make_samples(folder, options.level, arch.max_positions)
    options.progress.stage("verify", arch.layers + 2)
    with tempfile.TemporaryDirectory(dir=work, ignore_cleanup_errors=True) as scratch:
        return _Verifying(checkpoint, folder, samples, options, Path(scratch)).run(stop_ids)


def _work_bytes(arch: Architecture, tokens: int) -> int:
    """Count what lies on the disk: three sets of hidden states, and a chunk of logits."""
    return 3 * tokens * arch.hidden_size * 4 + logits_bytes(arch.vocab_size, tokens)


def _check_room(folder: Path, needed: int) -> None:
    """Refuse a disk that is too full: a mapped file that finds no room ends the process."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise OSError(errno.ENOSPC, f"{needed / 1e6:.0f} MB are needed, {free / 1e6:.0f} are free")


@dataclass(frozen=True)
class _Verifying:
    """One verification under way."""

    checkpoint: Checkpoint
    folder: Path
    samples: tuple[Sample, ...]
    options: VerifyOptions
    scratch: Path

    def run(self, stop_ids: Sequence[int]) -> Verification:
        """Decode, walk, compare."""
        arch, exact = self.checkpoint.architecture, self.options.exact
        whole = read_text_model(self.folder)
        model = cut_graph(whole, str(self.folder), arch.layers, arch.hidden_size)
        pair = Pair(self.checkpoint, model, properties_of(model, exact))
        answers = self._answers(stop_ids)
        texts = [sample.ids for sample in self.samples]
        shown = [*texts, *(answer.shown for answer in answers)]
        _check_room(self.scratch, _work_bytes(arch, sum(map(len, shown))))
        walk = Walk(pair, shown, self.scratch)
        layers = walk.run(self.options.progress)
        found = compare_logits(pair, (walk.original, walk.export), shown, self.scratch)
        self.options.progress.advance()
        total, groups = agreements(self.samples, found)
        return Verification(
            level=self.options.level,
            activations=activations_of(model, exact),
            total=total,
            groups=groups,
            divergence=self._divergence(texts, answers, found),
            layers=layers,
            vision=self._vision(pair.properties),
        )

    def _vision(self, properties: dict[str, str]) -> VisionAgreement | None:
        """Compare the towers of a model that takes pictures."""
        told = self.options
        towers = self.checkpoint, self.folder
        return verify_tower(*towers, told.level, properties, self.scratch)

    def _answers(self, stop_ids: Sequence[int]) -> tuple[Answer, ...]:
        """Decode the original where it is small."""
        if self.checkpoint.size_bytes > DECODED_BYTES:
            return ()
        limit = LIMITS[self.options.level]
        prompts = to_prompts(self.samples)
        return decode(self.checkpoint, prompts, limit, stop_ids, self.scratch)

    def _divergence(
        self,
        texts: Sequence[tuple[int, ...]],
        answers: Sequence[Answer],
        found: Predictions,
    ) -> Divergence:
        """Compare greedy decoding in the form that the size allows."""
        lengths = [len(one) for one in (*texts, *(answer.shown for answer in answers))]
        best, export_best = split(found.best, lengths), split(found.export_best, lengths)
        if answers:
            limit = LIMITS[self.options.level]
            return compare_answers(answers, export_best[len(texts) :], limit)
        return compare_in_texts(texts, best, export_best)
