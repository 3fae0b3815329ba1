"""The bars of a download: per file and in total, within 80 columns, and none where nobody looks."""

import io
import sys

import pytest

from ovglm.hub import NoProgress
from ovglm.hub.display import shorten, show_download


class Terminal(io.StringIO):
    """A stderr with a person before it."""

    def isatty(self) -> bool:
        return True


def _sit_down(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Put a terminal of 80 columns in the place of stderr."""
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    for name, value in (("COLUMNS", "80"), ("TERM", "xterm"), ("NO_COLOR", "1")):
        monkeypatch.setenv(name, value)
    return screen


def test_nothing_is_drawn_where_nobody_looks() -> None:
    with show_download(10) as progress:
        assert isinstance(progress, NoProgress)


def test_a_bar_for_each_file_under_way_and_one_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = _sit_down(monkeypatch)
    name = "model-00001-of-00004.safetensors"
    with show_download(3_000_000_000) as progress:
        progress.begin("config.json", 1000, 1000)
        progress.end("config.json")
        progress.begin(name, 2_000_000_000, 500_000_000)
        progress.advance(name, 1_000_000_000)
    *_, total, file = [line for line in terminal.getvalue().splitlines() if "GB" in line]
    assert "1.5/3.0 GB" in total and "1.5/2.0 GB" in file
    assert "model-000" in file and "config.json" not in terminal.getvalue()


def test_a_finished_file_gives_its_place_away(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = _sit_down(monkeypatch)
    with show_download(2000) as progress:
        progress.begin("tokenizer.json", 2000, 0)
        progress.advance("tokenizer.json", 2000)
        progress.end("tokenizer.json")
    total, *_ = [line for line in reversed(terminal.getvalue().splitlines()) if "all " in line]
    assert "2.0/2.0 kB" in total


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("config.json", "config.json"),
        ("model-00001-of-00004.safetensors", "model-00001-…4.safetensors"),
        ("x" * 26, "x" * 26),
    ],
)
def test_a_long_name_loses_its_middle(name: str, shown: str) -> None:
    assert shorten(name) == shown
    assert len(shown) <= 26
