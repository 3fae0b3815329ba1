"""One line at the end: does it work, and what is left to mend."""

from collections.abc import Sequence
from dataclasses import dataclass

from ovglm.doctor.check import Check

__all__ = ["Verdict", "decide"]


@dataclass(frozen=True)
class Verdict:
    """works: the device that `--device AUTO` takes has answered."""

    works: bool
    text: str


def decide(checks: Sequence[Check], default_device: str | None) -> Verdict:
    """Judge by the answer of the default device; None where no device could be chosen at all."""
    answered = any(
        check.section == "answers" and check.name == default_device and check.state != "fail"
        for check in checks
    )
    left = _count_left(checks)
    if not answered:
        device = f"the default device, {default_device}," if default_device else "no device"
        return Verdict(False, f"ovglm does not work here: {device} gave no answer; {left}")
    return Verdict(True, f"ovglm works here: the default device is {default_device}; {left}")


def _count_left(checks: Sequence[Check]) -> str:
    count = sum(check.state in ("warn", "fail") for check in checks)
    if count == 0:
        return "nothing to mend"
    return f"{count} {'thing' if count == 1 else 'things'} to mend, see above"
