"""How a worker dies with its parent, even while native code holds the interpreter's lock.

Linux: the kernel kills it when the thread that started it ends, which is why one thread of the
parent starts the worker and stays until it has ended. Windows: a job object kills it when the
parent's last handle of the job is gone. Elsewhere the end of the pipe has to do.
"""

import ctypes
import os
import signal
import sys

__all__ = ["Tie", "die_with"]

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_KILL_ON_JOB_CLOSE = 0x2000  # winnt.h: JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
_EXTENDED_LIMITS = 9  # winnt.h: JobObjectExtendedLimitInformation


def die_with(parent: int) -> None:
    """Make the kernel kill this process when its parent ends. Called in the worker."""
    if sys.platform != "linux":
        return
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent:  # it ended before the line above
        os._exit(1)


class _BasicLimits(ctypes.Structure):
    """winnt.h: JOBOBJECT_BASIC_LIMIT_INFORMATION."""

    _fields_ = (
        ("PerProcessUserTimeLimit", ctypes.c_int64),
        ("PerJobUserTimeLimit", ctypes.c_int64),
        ("LimitFlags", ctypes.c_uint32),
        ("MinimumWorkingSetSize", ctypes.c_size_t),
        ("MaximumWorkingSetSize", ctypes.c_size_t),
        ("ActiveProcessLimit", ctypes.c_uint32),
        ("Affinity", ctypes.c_size_t),
        ("PriorityClass", ctypes.c_uint32),
        ("SchedulingClass", ctypes.c_uint32),
    )


class _ExtendedLimits(ctypes.Structure):
    """winnt.h: JOBOBJECT_EXTENDED_LIMIT_INFORMATION."""

    _fields_ = (
        ("BasicLimitInformation", _BasicLimits),
        ("IoInfo", ctypes.c_uint64 * 6),
        ("ProcessMemoryLimit", ctypes.c_size_t),
        ("JobMemoryLimit", ctypes.c_size_t),
        ("PeakProcessMemoryUsed", ctypes.c_size_t),
        ("PeakJobMemoryUsed", ctypes.c_size_t),
    )


class Tie:
    """Binds a worker's life to this process on Windows. Made in the parent."""

    def __init__(self, process_handle: int | None) -> None:
        """process_handle: the worker's, None on other systems."""
        self._job = None
        if sys.platform != "win32" or process_handle is None:
            return
        windows = ctypes.WinDLL("kernel32")
        windows.CreateJobObjectW.restype = ctypes.c_void_p
        self._job = ctypes.c_void_p(windows.CreateJobObjectW(None, None))
        limits = _ExtendedLimits()
        limits.BasicLimitInformation.LimitFlags = _KILL_ON_JOB_CLOSE
        windows.SetInformationJobObject(
            self._job, _EXTENDED_LIMITS, ctypes.byref(limits), ctypes.sizeof(limits)
        )
        # refused where the worker has already ended; then there is nothing to bind
        windows.AssignProcessToJobObject(self._job, ctypes.c_void_p(process_handle))

    def cut(self) -> None:
        """Free the job; a worker that still runs is killed."""
        if sys.platform == "win32" and self._job is not None:
            ctypes.WinDLL("kernel32").CloseHandle(self._job)
        self._job = None
