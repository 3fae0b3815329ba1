"""Measure our engine with pictures on one folder in this process; writes one JSON object."""

import argparse
import hashlib
import json
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.vision_asking import measure_asking
from ovglm.engine.load import load_engine
from ovglm.engine.vision.parts import IsCancelled, Tower
from ovglm.messages import Sampling
from ovglm.pictures import Picture


def _clock(seconds: list[float]) -> None:
    """Let every run of the tower, where a kept picture saves none, note how long it took."""
    run: Any = Tower._run

    def timed(tower: Tower, picture: Picture, is_cancelled: IsCancelled) -> np.ndarray:
        start = perf_counter()
        vectors = run(tower, picture, is_cancelled)
        seconds.append(perf_counter() - start)
        return vectors

    setattr(Tower, "_run", timed)  # noqa: B010 (it is another's)


def main() -> int:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("output", type=Path)
    asked = parser.parse_args()
    seconds: list[float] = []
    _clock(seconds)
    engine = load_engine(asked.folder, "CPU")
    vision = engine.info.vision
    assert vision is not None

    def ask(pixels: np.ndarray, prompt: list[int], new_tokens: int) -> Iterator[int]:
        digest = hashlib.sha256(pixels.tobytes()).hexdigest()
        shown = Picture(pixels, digest, pixels.shape[:2])
        sampling = Sampling(new_tokens, ignore_eos=True)
        for chunk in engine.submit(prompt, sampling, [shown]):
            yield from chunk.token_ids

    found = measure_asking(ask, vision.image_size, vision.vectors)
    engine.close()
    # the first run is the warm-up's
    found["encode_s"] = statistics.median(seconds[1:])
    asked.output.write_text(json.dumps(found), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
