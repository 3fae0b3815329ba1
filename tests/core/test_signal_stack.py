"""A signal after a model was closed reaches Python, where OpenVINO would end the process."""

import subprocess
import sys

import pytest

SCRIPT = """
import signal
import ovglm

with ovglm.load("nano", "CPU", say=lambda text: None) as model:
    model.chat("Hello", ovglm.Sampling(max_new_tokens=2))
try:
    signal.raise_signal(signal.SIGINT)
except KeyboardInterrupt:
    print("alive")
"""


@pytest.mark.slow
def test_ctrl_c_after_a_model_was_closed_is_an_interrupt() -> None:
    ended = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (0, "alive\n")
