"""Looks at this machine and this installation, and says what works and how to mend the rest."""

from ovglm.doctor.check import Check, State
from ovglm.doctor.verdict import Verdict, decide

__all__ = ["Check", "State", "Verdict", "decide"]
