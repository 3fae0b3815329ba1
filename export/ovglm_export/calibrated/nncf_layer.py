"""NNCF's own data-aware methods on one part, which is a model of its own; knows no preset."""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Iterator, Mapping

import nncf
import numpy as np
import openvino as ov
from nncf.common.logging import nncf_logger
from nncf.parameters import CompressWeightsMode

from ovglm.recipe import MatrixFormat
from ovglm_export.hidden import HiddenStates, Positions

__all__ = ["compress_with_nncf"]


def compress_with_nncf(
    model: ov.Model,
    formats: Mapping[str, MatrixFormat],
    methods: tuple[str, ...],
    states: HiddenStates,
    positions: Positions | None,
) -> ov.Model:
    """Compress a decoder layer or the head for the states in front of it; the model is changed.

    positions: for a layer. formats: those of the matrices that are to become INT4, by MatMul name;
    the others must not be float any more, or be none of NNCF's business. methods: as
    `ovglm.quality.Method` names them, which are NNCF's names.
    """
    # NNCF takes one group size at a time, so matrices of other widths need a round of their own.
    for wanted in dict.fromkeys(formats.values()):
        others = [name for name, one in formats.items() if one != wanted]
        samples = list(range(len(states.lengths)))
        dataset = nncf.Dataset(samples, lambda at: _sample(states, positions, at))
        mode = CompressWeightsMode.INT4_SYM if wanted.symmetric else CompressWeightsMode.INT4_ASYM
        with _quiet():
            model = nncf.compress_weights(
                model,
                mode=mode,
                group_size=wanted.group_size,
                ratio=1.0,
                all_layers=True,
                dataset=dataset,
                subset_size=len(samples),
                ignored_scope=nncf.IgnoredScope(names=others) if others else None,
                awq="awq" in methods,
                scale_estimation="scale_estimation" in methods,
                gptq="gptq" in methods,
                lora_correction="lora_correction" in methods,
            )
    return model


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep NNCF's bars and tables, one of each for every layer, off the terminal."""
    before = nncf_logger.level
    nncf_logger.setLevel(logging.WARNING)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        nncf_logger.setLevel(before)


def _sample(states: HiddenStates, positions: Positions | None, at: int) -> dict[str, np.ndarray]:
    """Return the part's inputs for one sample."""
    others = positions.inputs(states.lengths[at]) if positions else {}
    return {"hidden": states.read(at)[None], **others}
