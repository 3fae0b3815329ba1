"""Measure our engine on one folder in this process; prints one JSON object."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.generation import measure_generation
from ovglm.engine.load import load_engine
from ovglm.messages import Sampling


def main() -> int:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    engine = load_engine(parser.parse_args().folder, "CPU")

    def generate(prompt: list[int], new_tokens: int) -> Iterator[int]:
        for chunk in engine.submit(prompt, Sampling(new_tokens, ignore_eos=True)):
            yield from chunk.token_ids

    print(measure_generation(generate))
    engine.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
