"""Whether a device computes what the CPU computed: golden tokens are generated again at first load.

Knows no OpenVINO: it drives any engine. The outcome is remembered per device, driver and IR.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from ovglm.devices.device import Device
from ovglm.engine.base import Engine
from ovglm.engine.memory import Memory
from ovglm.errors import OvglmError
from ovglm.manifest import Golden
from ovglm.messages import Sampling
from ovglm.store import home_folder

__all__ = ["Comparison", "Mismatch", "Precision", "check_golden", "load_checked", "needs_check"]

# A GPU or NPU may round, or fail, in ways of its own; the CPU made the golden tokens.
_CHECKED_KINDS = ("GPU", "NPU")
# In its own precision a sound device turns a near tie now and then, and the rest of that answer
# differs; one that computes wrongly goes astray at once, everywhere. In float32 all must be equal.
_SOUND_SHARE = 0.5
AnyEngine = TypeVar("AnyEngine", bound=Engine)
Precision = Literal["default", "f32"]


@dataclass(frozen=True)
class Mismatch:
    """A golden prompt that was answered otherwise; `at` is the first token that differs."""

    number: int
    at: int
    wanted: tuple[int, ...]
    found: tuple[int, ...]

    def __str__(self) -> str:
        """Say it in one clause."""
        return (
            f"golden prompt {self.number} gives {self.found}, not {self.wanted}: "
            f"they part at token {self.at + 1}"
        )


@dataclass(frozen=True)
class Comparison:
    """How many golden tokens came out again before the first that differs in each answer."""

    agreed: int = 0
    total: int = 0
    mismatches: tuple[Mismatch, ...] = ()

    @property
    def is_equal(self) -> bool:
        return not self.mismatches

    @property
    def is_sound(self) -> bool:
        """Whether what differs can be a matter of rounding."""
        return self.agreed >= _SOUND_SHARE * self.total

    def __str__(self) -> str:
        """Give the figures."""
        return f"{self.agreed} of {self.total} golden tokens as on the CPU"


def needs_check(device: Device) -> bool:
    """Whether a device of this kind is compared with the CPU at its first load."""
    return device.kind in _CHECKED_KINDS


def check_golden(engine: Engine, golden: Sequence[Golden]) -> Comparison:
    """Answer the golden prompts greedily and compare the tokens."""
    agreed, total, mismatches = 0, 0, []
    for number, one in enumerate(golden, 1):
        if len(one.prompt) > engine.info.max_prompt:
            continue
        chunks = engine.submit(one.prompt, Sampling(max_new_tokens=len(one.tokens)))
        found = tuple(token for chunk in chunks for token in chunk.token_ids)
        pairs = zip(found, one.tokens, strict=False)
        shorter = min(len(found), len(one.tokens))
        same = next((at for at, (a, b) in enumerate(pairs) if a != b), shorter)
        agreed, total = agreed + same, total + len(one.tokens)
        if found != one.tokens:
            mismatches.append(Mismatch(number, same, one.tokens, found))
    return Comparison(agreed, total, tuple(mismatches))


def load_checked(
    load: Callable[[Precision], AnyEngine],
    golden: Sequence[Golden],
    device: Device,
    fingerprint: str,
    say: Callable[[str], None],
) -> tuple[AnyEngine, tuple[str, ...]]:
    """Load with the fastest precision that makes this device agree with the CPU.

    load: loads the model, with the device's own precision or in float32 throughout; an NPU has no
    float32 to fall back to. Also gives notes for the user.
    Raises OvglmError with the differing tokens where the device computes wrongly.
    """
    if not golden:
        return load("default"), (f"nothing to compare {device.id} with: no golden tokens",)
    memory = Memory(home_folder() / "selfcheck.json")
    key = f"{device.name}|{device.driver}|{fingerprint}"
    known = memory.recall(key)
    if isinstance(known, dict):
        return load(known["precision"]), tuple(known["notes"])
    engine, first = _compare(load, "default", golden, is_strict=False)
    if engine is not None:
        notes = () if first.is_equal else (f"{device.id} gives {first}: near ties turn there",)
        memory.remember({key: {"precision": "default", "notes": notes}})
        return engine, notes
    figures = f"in its own precision {first}, {first.mismatches[0]}"
    if device.kind == "GPU":
        say(f"{device.id} computes otherwise than the CPU ({figures}): trying again in float32")
        engine, second = _compare(load, "f32", golden, is_strict=True)
        if engine is not None:
            notes = (f"{device.id} agrees with the CPU in float32 only, which is slower",)
            memory.remember({key: {"precision": "f32", "notes": notes}})
            return engine, notes
        figures += f"; in float32 {second}, {second.mismatches[0]}"
    raise OvglmError(
        f"{device.id} ({device.name}) computes this model wrongly: {figures}",
        hint="--device CPU, or a newer driver",
    )


def _compare(
    load: Callable[[Precision], AnyEngine],
    precision: Precision,
    golden: Sequence[Golden],
    is_strict: bool,
) -> tuple[AnyEngine | None, Comparison]:
    """Load and compare; an engine whose comparison is not accepted is closed."""
    engine = load(precision)
    found = check_golden(engine, golden)
    if found.is_equal or (found.is_sound and not is_strict):
        return engine, found
    engine.close()
    return None, found
