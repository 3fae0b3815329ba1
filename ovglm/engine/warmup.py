"""The first request of a process is slow; this makes it before anyone waits for it."""

from ovglm.engine.base import Engine
from ovglm.engine.limits import Limits
from ovglm.messages import Sampling

__all__ = ["warm_up"]

_PROMPT_TOKENS = 256
# The NPU computes its whole compiled prompt for any prompt.
_NPU_PROMPT_TOKENS = 8
_ANSWER_TOKENS = 4


def warm_up(engine: Engine, limits: Limits) -> None:
    """Run one request of text, so that kernels are built and weights repacked.

    A tower is not run: a picture takes it longer than what the first one takes longer.
    """
    is_npu = engine.info.device.startswith("NPU")
    wanted = _NPU_PROMPT_TOKENS if is_npu else _PROMPT_TOKENS
    length = max(1, min(wanted, limits.max_prompt, limits.context - _ANSWER_TOKENS))
    seen = engine.info.vision
    placeholders = (seen.begin_id, seen.end_id) if seen else ()
    numbers = ((index * 7 + 1) % limits.vocabulary for index in range(length))
    prompt = [0 if token in placeholders else token for token in numbers]
    for _ in engine.submit(prompt, Sampling(_ANSWER_TOKENS, ignore_eos=True)):
        pass
