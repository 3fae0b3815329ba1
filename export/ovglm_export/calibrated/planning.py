"""Which matrices a calibrated export keeps from INT4: those whose rounding changes a layer most."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ovglm.progress import Progress
from ovglm.recipe import MatrixFormat
from ovglm.weight_sizes import fit_format
from ovglm_export.calibrated.job import CalibratedExport
from ovglm_export.calibrated.stream import STAGES
from ovglm_export.hidden import HiddenStates, Positions, look_up, run_part
from ovglm_export.parts import PartBuilder
from ovglm_export.plan import Plan, make_plan
from ovglm_export.spool import Spool

__all__ = ["plan_calibrated"]

_NOTE = "sensitivities"
# Enough tokens to rank six matrices of a layer; every one of them costs a run of the layer.
_SAMPLES, _TOKENS = 2, 256


def plan_calibrated(job: CalibratedExport, spool: Spool, progress: Progress) -> Plan:
    """Give every matrix its format; a ratio below 1 measures each matrix of the layers first."""
    arch = job.checkpoint.architecture
    if job.recipe.ratio >= 1:
        return make_plan(arch, job.recipe)
    known = spool.noted(_NOTE)
    if not isinstance(known, dict):
        progress.stage("measure", arch.layers)
        with spool.scratch() as scratch:
            known = _measure(job, make_plan(arch, job.recipe), scratch, progress)
        spool.note(_NOTE, known)
    return make_plan(arch, job.recipe, known)


def _measure(
    job: CalibratedExport, plan: Plan, scratch: Path, progress: Progress
) -> dict[str, float]:
    """Return, for each matrix, the error that its plain rounding adds per weight that it has.

    q, k and v count as one matrix: they are run as one where their formats are the same.
    The error is that of the layer's output, |difference|^2 / |output|^2, on the original's own
    states. The KL of the whole model for every single matrix would run all layers behind it as
    often as there are matrices: hours for what one walk through the layers tells here.
    """
    samples = [ids[:_TOKENS] for ids in job.samples[:_SAMPLES]]
    lengths = tuple(map(len, samples))
    arch = job.checkpoint.architecture
    states = HiddenStates(scratch / "measure.states", lengths, arch.hidden_size, "F32").create()
    look_up(job.checkpoint, samples, states)
    positions = Positions.of(arch, max(lengths))
    found: dict[str, float] = {}
    for at in range(arch.layers):
        original = _outputs(job, {}, at, (states, positions), scratch)
        for matrices in STAGES:
            names = [f"model.layers.{at}.{one}" for one in matrices]
            formats = {
                name: fit_format(job.recipe.layer_format, plan.shapes[name][1]) for name in names
            }
            rounded = _outputs(job, formats, at, (states, positions), scratch)
            weights = sum(plan.shapes[name][0] * plan.shapes[name][1] for name in names)
            error = _relative_error(original, rounded) / weights
            found |= dict.fromkeys(names, error)
        for sample, values in enumerate(original):
            states.write(sample, values)
        progress.advance()
    return found


def _outputs(
    job: CalibratedExport,
    formats: Mapping[str, MatrixFormat],
    layer: int,
    inputs: tuple[HiddenStates, Positions],
    scratch: Path,
) -> list[np.ndarray]:
    """Run a layer with some matrices rounded; returns float32 [tokens, hidden] of each sample."""
    builder = PartBuilder(job.checkpoint, formats, scratch)
    part = builder.decoder_layer(layer)
    return [found["hidden_out"] for found in run_part(part, {"hidden": inputs[0]}, inputs[1])]


def _relative_error(original: list[np.ndarray], rounded: list[np.ndarray]) -> float:
    """Return |difference|^2 / |original|^2 over all samples."""
    pairs = zip(original, rounded, strict=True)
    error = sum(float(np.square(one - other).sum()) for one, other in pairs)
    return error / sum(float(np.square(one).sum()) for one in original)
