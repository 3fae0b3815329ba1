"""A real answer from a device: the only proof that it works."""

from collections.abc import Callable, Sequence
from time import perf_counter

from ovglm.devices.device import Device
from ovglm.doctor.check import Check
from ovglm.engine.base import Engine
from ovglm.errors import OvglmError
from ovglm.messages import Sampling

__all__ = ["EXPECTED", "LIMIT_S", "QUESTION", "check_answer"]

QUESTION = "What is the capital of France?"
EXPECTED = "Paris"
LIMIT_S = 2.0
MOST_TOKENS = 32


def check_answer(
    device: Device,
    load: Callable[[Device], Engine],
    prompt_ids: Sequence[int],
    *,
    limit_s: float = LIMIT_S,
    clock: Callable[[], float] = perf_counter,
) -> Check:
    """Load nano on a device and ask it QUESTION, whose ids are given, for at most `limit_s`."""
    start_s = clock()
    try:
        engine = load(device)
        load_s = clock() - start_s
        try:
            text, count, taken_s = _ask(engine, prompt_ids, limit_s, clock)
        finally:
            engine.close()
    except OvglmError as error:
        return Check("answers", device.id, "fail", error.message, mend=error.hint or "")
    said = " ".join(text.split())
    figures = f"{count} tokens in {taken_s:.2f} s, loaded in {load_s:.1f} s"
    if EXPECTED in said:
        return Check("answers", device.id, "ok", f"nano says “{said}”", (figures,))
    if taken_s >= limit_s:
        text = f"nano made only {count} tokens in {taken_s:.1f} s: this device is very slow here"
        return Check("answers", device.id, "warn" if count else "fail", text)
    wrong = f"nano says “{said}” and should name {EXPECTED}: this device calculates wrongly"
    mend = f"ovglm run nano --device {device.id} --precision f32 “{QUESTION}”; or a newer driver"
    return Check("answers", device.id, "fail", wrong, (figures,), mend)


def _ask(
    engine: Engine, prompt_ids: Sequence[int], limit_s: float, clock: Callable[[], float]
) -> tuple[str, int, float]:
    """Give the text, the number of its tokens, and the seconds it took; cut at the time limit."""
    start_s = clock()
    answer = engine.submit(prompt_ids, Sampling(max_new_tokens=MOST_TOKENS))
    text, count = "", 0
    for chunk in answer:
        text += chunk.text
        count += len(chunk.token_ids)
        if clock() - start_s >= limit_s:
            answer.cancel()
            break
    return text, count, clock() - start_s
