"""Measure one folder with one attention back end in this process; prints one JSON object."""

import argparse
import json
import random
import statistics
import sys
from pathlib import Path

import numpy as np
import openvino as ov
import openvino_genai as genai

__all__ = ["NEW_TOKENS", "PROMPT_TOKENS", "SHORT_PROMPT_TOKENS"]

NEW_TOKENS = 64
PROMPT_TOKENS = 512
SHORT_PROMPT_TOKENS = 32
_REPEATS = 3
_FIRST_ID, _LAST_ID = 100, 250  # plain text tokens in every vocabulary


def _prompt(length: int, random_ids: random.Random) -> ov.Tensor:
    """Return a prompt never seen before, so that no prefix cache can answer for the model."""
    ids = [random_ids.randint(_FIRST_ID, _LAST_ID) for _ in range(length)]
    return ov.Tensor(np.array([ids], dtype=np.int64))


def _run(pipeline: genai.LLMPipeline, prompt: ov.Tensor, new_tokens: int) -> genai.PerfMetrics:
    config = genai.GenerationConfig()
    config.max_new_tokens = new_tokens
    config.ignore_eos = True
    config.do_sample = False
    return pipeline.generate(prompt, config).perf_metrics


def measure_folder(folder: Path, backend: str) -> dict[str, float]:
    """Return ms_per_token after a short prompt and prompt_tokens_s of a long one, medians."""
    pipeline = genai.LLMPipeline(str(folder), "CPU", ATTENTION_BACKEND=backend)
    random_ids = random.Random(0)
    _run(pipeline, _prompt(PROMPT_TOKENS, random_ids), 8)  # weights repacked, kernels built
    steps, prompts = [], []
    for _ in range(_REPEATS):
        short = _run(pipeline, _prompt(SHORT_PROMPT_TOKENS, random_ids), NEW_TOKENS)
        if short.get_num_generated_tokens() != NEW_TOKENS:
            made = short.get_num_generated_tokens()
            raise SystemExit(f"{made} tokens were generated instead of {NEW_TOKENS}")
        steps.append(short.get_tpot().mean)
        long = _run(pipeline, _prompt(PROMPT_TOKENS, random_ids), 1)
        prompts.append(PROMPT_TOKENS / long.get_ttft().mean * 1000)
    return {
        "ms_per_token": statistics.median(steps),
        "prompt_tokens_s": statistics.median(prompts),
    }


def main() -> int:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("backend", choices=("PA", "SDPA"))
    asked = parser.parse_args()
    print(json.dumps(measure_folder(asked.folder, asked.backend)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
