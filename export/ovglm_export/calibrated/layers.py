"""The loop over the parts of a calibrated export: states in, a compressed layer, states out."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ovglm.progress import Progress
from ovglm_export.calibrated.front import Front
from ovglm_export.calibrated.job import CalibratedExport
from ovglm_export.calibrated.nncf_layer import compress_with_nncf
from ovglm_export.calibrated.solver import gather, solve_matrix
from ovglm_export.calibrated.stream import STAGES, LayerStream
from ovglm_export.compress import MatrixTables
from ovglm_export.graph import make_model, named_output
from ovglm_export.hidden import HiddenStates, Positions, embed, look_up, run_layer, run_part
from ovglm_export.layerwise import EXACT, NATIVE
from ovglm_export.native import part_names, spool_part
from ovglm_export.parts import PartBuilder
from ovglm_export.plan import HEAD, Plan, layer_matrices
from ovglm_export.spool import Spool
from ovglm_export.stacked_qkv import stack_qkv

__all__ = ["STRENGTHS", "spool_calibrated"]

# How much of the errors of earlier matrices `best` mends in q, k and v, in o, in gate_up, in down.
# The whole of it fits the calibration text too closely; half was best, and no kind gained from
# another share than the others': benchmarks/results/strengths.md.
STRENGTHS = (0.5, 0.5, 0.5, 0.5)
_COMPRESSED, _ORIGINAL = "compressed", "original"


def spool_calibrated(job: CalibratedExport, plan: Plan, spool: Spool, progress: Progress) -> None:
    """Make every part that the spool does not hold yet.

    A layer is finished when both it and the states behind it are on the disk; a killed export goes
    on in front of the first layer that is not.
    """
    names = part_names(job.checkpoint.architecture.layers)
    _Walk(job, plan, spool, progress).run(names)


class _Walk:
    """One walk through the layers."""

    def __init__(self, job: CalibratedExport, plan: Plan, spool: Spool, progress: Progress) -> None:
        self._job = job
        self._plan = plan
        self._spool = spool
        self._progress = progress
        self._arch = job.checkpoint.architecture
        streams = (_COMPRESSED, _ORIGINAL) if job.follows_original else (_COMPRESSED,)
        lengths = tuple(map(len, job.samples))
        self._front = Front(spool, streams, lengths, self._arch.hidden_size)
        self._positions = Positions.of(self._arch, max(lengths))
        # The states are kept in bfloat16, and statistics do not need more; a small difference
        # between two streams does.
        self._properties = EXACT if job.follows_original else NATIVE

    def run(self, names: list[str]) -> None:
        """Make the parts in the order of the graph."""
        first, *layers, last = names
        self._progress.stage("calibrate", len(names))
        if not self._spool.has(first):
            spool_part(self._job.checkpoint, self._plan, self._spool, first)
        self._progress.advance()
        missing = [at for at, name in enumerate(layers) if not self._spool.has(name)]
        if missing or not self._spool.has(last):
            start = self._start(missing[0] if missing else len(layers))
            self._progress.advance(start)
            for at in range(start, len(layers)):
                self._make_layer(at, layers[at])
                self._front.note(at + 1)
                self._progress.advance()
            self._make_head(last)
        self._front.remove()
        self._progress.advance()

    def _start(self, first_missing: int) -> int:
        """Return the layer to go on from; without states in front of it that is the first."""
        found = self._front.found_layer()
        if found is not None and found <= first_missing:
            return found
        states = self._front.states(0)
        embed(self._spool.load("embedding"), self._job.samples, states[_COMPRESSED].create())
        if _ORIGINAL in states:
            look_up(self._job.checkpoint, self._job.samples, states[_ORIGINAL].create())
        self._front.note(0)
        return 0

    def _make_layer(self, layer: int, name: str) -> None:
        """Compress one layer and run it."""
        sources, targets = self._front.states(layer), self._front.states(layer + 1)
        for target in targets.values():
            target.create()
        with self._spool.scratch() as scratch:
            if self._job.recipe.methods:
                self._compress(layer, name, sources[_COMPRESSED], scratch)
                part = self._spool.load(name)
                run_layer(part, sources[_COMPRESSED], targets[_COMPRESSED], self._positions)
            else:
                self._solve_layer(layer, name, (sources, targets), scratch)

    def _compress(self, layer: int, name: str, states: HiddenStates, scratch: Path) -> None:
        """Let NNCF compress a layer."""
        names = layer_matrices(layer)
        formats = {one: self._plan.formats[one] for one in names}
        four_bit = {one: form for one, form in formats.items() if form.kind == "int4"}
        others = {one: form for one, form in formats.items() if one not in four_bit}
        builder = PartBuilder(self._job.checkpoint, others, scratch)
        model = builder.decoder_layer(layer)
        methods = self._job.recipe.methods
        found = compress_with_nncf(model, four_bit, methods, states, self._positions)
        self._spool.save(name, stack_qkv(found))

    def _solve_layer(
        self,
        layer: int,
        name: str,
        states: tuple[dict[str, HiddenStates], dict[str, HiddenStates]],
        scratch: Path,
    ) -> None:
        """Solve a layer's matrices stage by stage, each for the inputs that those before give.

        Until a matrix is solved no stage needs it, so one builder serves from the first stage to
        the finished layer.
        """
        checkpoint, formats = self._job.checkpoint, self._plan.formats
        solved: dict[str, MatrixTables] = {}
        builders = {_COMPRESSED: PartBuilder(checkpoint, formats, scratch, solved)}
        if _ORIGINAL in states[0]:
            builders[_ORIGINAL] = PartBuilder(checkpoint, {}, scratch)
        streams = {}
        for kind, builder in builders.items():
            (folder := scratch / kind).mkdir()
            streams[kind] = LayerStream(
                builder, layer, states[0][kind], self._positions, folder, self._properties
            )
        for stage, matrices in enumerate(STAGES):
            names = [f"model.layers.{layer}.{one}" for one in matrices]
            inputs = {kind: stream.inputs(stage) for kind, stream in streams.items()}
            into = builders[_COMPRESSED], solved, scratch
            self._solve(names, inputs, into, STRENGTHS[stage])
        for kind, stream in streams.items():
            stream.finish(states[1][kind])
        self._spool.save(name, stack_qkv(builders[_COMPRESSED].decoder_layer(layer)))

    def _make_head(self, name: str) -> None:
        """Make the head; one in INT4 is compressed as a layer's matrices are."""
        wanted = self._plan.formats.get(HEAD)
        if wanted is None or wanted.kind != "int4":
            spool_part(self._job.checkpoint, self._plan, self._spool, name)
            return
        states = self._front.states(self._arch.layers)
        with self._spool.scratch() as scratch:
            if methods := self._job.recipe.methods:
                builder = PartBuilder(self._job.checkpoint, {}, scratch)  # owns the weights
                told = {HEAD: wanted}, methods, states[_COMPRESSED], None
                self._spool.save(name, compress_with_nncf(builder.head(), *told))
                return
            solved: dict[str, MatrixTables] = {}
            builder = PartBuilder(self._job.checkpoint, self._plan.formats, scratch, solved)
            inputs = {kind: _normed(builder, one) for kind, one in states.items()}
            self._solve([HEAD], inputs, (builder, solved, scratch), STRENGTHS[-1])
            self._spool.save(name, builder.head())

    def _solve(
        self,
        names: list[str],
        inputs: dict[str, Iterator[np.ndarray]],
        into: tuple[PartBuilder, dict[str, MatrixTables], Path],
        strength: float,
    ) -> None:
        """Solve matrices that share inputs; strength: as `gather` takes it."""
        builder, solved, scratch = into
        four_bit = [name for name in names if self._plan.formats[name].kind == "int4"]
        if not four_bit:
            for stream in inputs.values():
                deque(stream, 0)
            return
        statistics = gather(inputs[_COMPRESSED], inputs.get(_ORIGINAL), strength)
        for name in four_bit:
            weight = builder.tensor(f"{name}.weight")
            wanted = self._plan.formats[name]
            solved[name] = solve_matrix(weight, wanted, statistics, scratch / name)


def _normed(builder: PartBuilder, states: HiddenStates) -> Iterator[np.ndarray]:
    """Yield what the head multiplies."""
    hidden = builder.hidden_input()
    model = make_model([named_output(builder.head_norm(hidden), "normed")], [hidden], "norm")
    return (found["normed"] for found in run_part(model, {"hidden": states}))
