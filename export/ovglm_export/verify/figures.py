"""From predictions token by token to the figures that people read."""

import math
from collections.abc import Sequence

import numpy as np

from ovglm.verification import Agreement
from ovglm_export.verify.logits import Predictions
from ovglm_export.verify.rounding import rounded
from ovglm_export.verify.samples import Sample

__all__ = ["agreements", "split"]

# exp of more is no float; it takes a model worse than chance by far to get there.
_LARGEST_LOSS = 700.0


def split(values: np.ndarray, lengths: Sequence[int]) -> list[np.ndarray]:
    """Cut one value per token into one array per sample."""
    return np.split(values, np.cumsum(lengths)[:-1])


def agreements(
    samples: Sequence[Sample], found: Predictions
) -> tuple[Agreement, tuple[Agreement, ...]]:
    """Sum up in total, and for each language and kind in the order of the samples.

    found: begins with the predictions of the samples. Behind the last token of a sample nothing
    follows, so it does not count.
    """
    places: dict[tuple[str, str], list[int]] = {}
    start = 0
    for sample in samples:
        stop = start + len(sample.ids)
        places.setdefault((sample.language, sample.kind), []).extend(range(start, stop - 1))
        start = stop
    total = [place for group in places.values() for place in group]
    parts = (_agreement(*group, found, np.array(mine)) for group, mine in places.items())
    return _agreement("", "", found, np.array(total)), tuple(parts)


def _agreement(language: str, kind: str, found: Predictions, where: np.ndarray) -> Agreement:
    """Sum up the tokens at some places."""
    kl = np.maximum(found.kl[where], 0.0)  # not below 0 but by rounding
    loss, export_loss = found.loss[where].mean(), found.export_loss[where].mean()
    return Agreement(
        language=language,
        kind=kind,
        tokens=len(where),
        kl_mean=rounded(kl.mean()),
        kl_p99=rounded(np.percentile(kl, 99)),
        top1=rounded((found.best[where] == found.export_best[where]).mean()),
        top5=rounded(found.top5[where].mean()),
        perplexity=_exp(loss),
        export_perplexity=_exp(export_loss),
        perplexity_ratio=_exp(export_loss - loss),
    )


def _exp(loss: float) -> float:
    return rounded(math.exp(min(float(loss), _LARGEST_LOSS)))
