"""Measure llama.cpp on one GGUF file in this process; prints one JSON object."""

import argparse
import os
import sys
from collections.abc import Iterator

from benchmarks.generation import NEW_TOKENS, PROMPT_TOKENS, measure_generation


def main() -> int:
    """Measure what the command line names, with one thread per core."""
    import llama_cpp  # pyright: ignore[reportMissingImports] (not in our environment)

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path")
    asked = parser.parse_args()
    threads = os.cpu_count() or 1
    model = llama_cpp.Llama(
        asked.path,
        n_ctx=PROMPT_TOKENS + NEW_TOKENS + 8,
        n_threads=threads,
        n_threads_batch=threads,
        n_batch=PROMPT_TOKENS,
        verbose=False,
    )

    def generate(prompt: list[int], new_tokens: int) -> Iterator[int]:
        model.reset()
        model.eval(prompt)
        for _ in range(new_tokens - 1):
            token = model.sample(temp=0.0)
            yield token
            model.eval([token])
        yield model.sample(temp=0.0)

    print(measure_generation(generate))
    return 0


if __name__ == "__main__":
    sys.exit(main())
