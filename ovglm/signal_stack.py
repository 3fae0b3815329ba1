"""Keeps OpenVINO's CPU plugin from leaving a thread with a signal stack that is gone.

The plugin gives the thread that loads it an alternate signal stack, and unmaps that with itself
without taking it off the thread (openvino 2026.4). The next signal, such as Ctrl-C, then ends the
process with a segmentation fault. Knows nothing of openvino.
"""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["kept_signal_stack"]


class _Stack(ctypes.Structure):
    """stack_t of Linux."""

    _fields_ = (("sp", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t))


@contextmanager
def kept_signal_stack() -> Iterator[None]:
    """Give this thread its alternate signal stack back, or none, at the end.

    A stack that is too small by now, as an AMX processor may want a larger one, is not taken back
    by the system; the plugin's stays then.
    """
    if not sys.platform.startswith("linux"):
        yield
        return
    library, before = ctypes.CDLL(None), _Stack()
    library.sigaltstack(None, ctypes.byref(before))
    try:
        yield
    finally:
        library.sigaltstack(ctypes.byref(before), None)
