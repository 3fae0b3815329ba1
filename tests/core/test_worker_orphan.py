"""The parts of orphan protection that can be checked without a death."""

import ctypes
import os
import subprocess
import sys

import pytest

from ovglm.engine.worker import orphan


@pytest.mark.skipif(sys.maxsize < 2**32, reason="the sizes are those of 64-bit systems")
def test_the_limits_of_a_job_have_the_size_that_windows_expects() -> None:
    assert ctypes.sizeof(orphan._ExtendedLimits) == 144


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_a_worker_whose_parent_is_already_gone_leaves() -> None:
    line = f"from ovglm.engine.worker.orphan import die_with; die_with({os.getpid()} + 1)"
    assert subprocess.run([sys.executable, "-c", line], timeout=60).returncode == 1


def test_a_tie_without_a_process_can_be_cut() -> None:
    orphan.Tie(None).cut()
