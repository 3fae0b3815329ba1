"""How many bytes one decoding step reads: the weights once, and the KV cache of each request."""

from dataclasses import replace

from ovglm.bench.report import Figures, ReadSpeed
from ovglm.devices.facts import ModelFacts
from ovglm.manifest import MatrixCount

__all__ = ["SMALLEST_TRAFFIC", "bandwidth_share", "weights_read"]

# Below this the processor's caches hold the weights, and reading memory is not what limits.
SMALLEST_TRAFFIC = 64 << 20
_FORMAT_BYTES = {"int4": 0.5, "int8": 1, "bf16": 2, "f16": 2, "f32": 4, "float": 2}


def weights_read(facts: ModelFacts, matrices: tuple[MatrixCount, ...]) -> int:
    """Give the bytes of the weights that each step reads: all but an embedding of its own.

    Of that table a step reads one row. Where it is the head, too (tied), all of it is read.
    """
    if not any(one.kind == "lm_head" for one in matrices):
        return facts.weights_bytes
    table = sum(_matrix_bytes(one) for one in matrices if one.kind == "embed_tokens")
    return facts.weights_bytes - table


def bandwidth_share(
    figures: Figures, weights: int, cache_per_token: int, speed: ReadSpeed
) -> Figures:
    """Add the share of the read speed that decoding uses; none for answers of one token.

    Requests that run together share one reading of the weights; each reads its own KV cache, which
    holds on average the prompt and half of the answer.
    """
    if figures.request_tokens_s is None:
        return figures
    work = figures.workload
    cache = work.concurrency * (work.prompt + work.output / 2) * cache_per_token
    read_s = figures.request_tokens_s * (weights + cache)
    return replace(figures, bandwidth_share=read_s / speed.bytes_s)


def _matrix_bytes(matrix: MatrixCount) -> int:
    return int(matrix.weights * _FORMAT_BYTES[matrix.format.split()[0]])
