"""`ovglm export` in this process, as the tests of the command call it."""

import pytest

from ovglm.cli import main

__all__ = ["Streams", "export", "refuse"]

Streams = pytest.CaptureFixture[str]


def export(*arguments: object) -> int:
    """Run the command in this process."""
    return main(["export", *map(str, arguments)])


def refuse(streams: Streams, words: str, *arguments: object, said: int = 0) -> None:
    """Expect two lines on stderr, nothing on stdout, and exit 1.

    said: lines that were said on stderr before the refusal.
    """
    assert export(*arguments) == 1
    found = streams.readouterr()
    assert found.out == ""
    lines = found.err.splitlines()[said:]
    assert len(lines) == 2
    assert lines[0].startswith("ovglm: ") and words in lines[0]
    assert lines[1].startswith("try: ")
