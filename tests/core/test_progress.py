"""Where bars are drawn and where not; inside a notebook see tests/e2e/test_notebooks.py."""

import sys
from io import StringIO

import pytest

from ovglm.progress import Silence, is_notebook, show_progress


class Terminal(StringIO):
    """A stream that a person looks at."""

    def isatty(self) -> bool:
        return True


def test_a_plain_python_is_no_notebook() -> None:
    assert not is_notebook()


def test_nothing_is_drawn_where_nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    with show_progress() as progress:
        progress.stage("weights", 2)
        progress.advance(2)
    assert isinstance(progress, Silence)
    assert stream.getvalue() == ""


def test_a_terminal_sees_a_bar_that_ends_full(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    with show_progress() as progress:
        progress.stage("weights", 2)
        progress.advance(2)
    assert "weights" in stream.getvalue()
    assert "2/2" in stream.getvalue()
