"""Making errors of the native runtime readable; what they mean is never guessed from their text."""

import re

from ovglm.errors import OvglmError

__all__ = ["native_failure"]

# OpenVINO writes a line for every layer that passed the error on, and paths of its build machine.
_BUILD_PATH = re.compile(r" at /\S+")


def native_failure(what: str, error: RuntimeError, hint: str) -> OvglmError:
    """Make the error for the user: what failed, and the innermost line of the runtime's words."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    inner = _BUILD_PATH.sub("", lines[-1]) if lines else "it gave no reason"
    failure = OvglmError(f"{what}: {inner}", hint)
    failure.__cause__ = error
    return failure
