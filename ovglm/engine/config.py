"""From our sampling to the runtime's. Adds nothing of its own: what is off here is off there."""

import random

import openvino_genai

from ovglm.engine.limits import Limits
from ovglm.messages import Sampling

__all__ = ["Seeds", "to_config"]

# The runtime's generator takes 32 bits of a seed.
_SEEDS = 1 << 32


class Seeds:
    """The seeds of the answers to one prompt; without a wish another one each time.

    A request that runs alone gives the same text for the same seed. Beside others the CPU rounds
    otherwise, as the batch has another shape, and a near tie may turn. Measured with nano in INT4
    on 64 prompts of random tokens, 16 side by side: of the greedy answers 6 changed with a u8
    cache and none with f16 or in float32, of those at temperature 1 up to 15, up to 6, and 1.
    """

    def __init__(self, sampling: Sampling) -> None:
        chosen = random.getrandbits(32) if sampling.seed is None else sampling.seed
        self._first = chosen

    def of(self, index: int) -> int:
        """Give the seed of one answer; the first one has the seed that was asked for."""
        return (self._first + index) % _SEEDS


def to_config(
    sampling: Sampling,
    limits: Limits,
    prompt_length: int,
    seed: int,
    structure: openvino_genai.StructuredOutputConfig | None = None,
) -> openvino_genai.GenerationConfig:
    """Write down for the runtime how one answer is made; stop texts are not its business.

    structure: what the constraint of the sampling became.
    """
    config = openvino_genai.GenerationConfig()
    config.max_new_tokens = limits.room(prompt_length, sampling.max_new_tokens)
    config.apply_chat_template = False
    # the one alone is not enough: the runtime checks that it is among the others
    config.eos_token_id = min(limits.stop_ids)
    config.stop_token_ids = set(limits.stop_ids)
    config.ignore_eos = sampling.ignore_eos
    config.repetition_penalty = sampling.repetition_penalty
    config.presence_penalty = sampling.presence_penalty
    config.frequency_penalty = sampling.frequency_penalty
    config.logprobs = int(sampling.logprobs)
    if structure is not None:
        config.structured_output_config = structure
    config.do_sample = not sampling.is_greedy
    if config.do_sample:
        config.temperature = sampling.temperature
        config.top_p = sampling.top_p
        config.min_p = sampling.min_p
        if sampling.top_k:
            config.top_k = sampling.top_k
        config.rng_seed = seed
    return config
