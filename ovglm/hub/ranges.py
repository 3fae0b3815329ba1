"""A range of a remote file out of a hub's answer, whether the hub knows ranges or not."""

import re
from collections.abc import Iterator

from ovglm.hub.door import Answer, Hiccup, Mismatch

__all__ = ["read_answer"]

_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


def read_answer(answer: Answer, start: int, stop: int, size: int) -> Iterator[bytes]:
    """Yield the bytes from `start` up to `stop` of a file of `size` bytes.

    An answer without a range is the whole file: what comes before `start` is dropped.
    Raises Hiccup where the answer ends too early, and Mismatch where it is another range.
    """
    position = _first_byte(answer, size)
    if position > start:
        raise Mismatch(f"the answer begins at byte {position} instead of {start}")
    for block in answer.blocks:
        piece = block[max(0, start - position) : max(0, stop - position)]
        position += len(block)
        if piece:
            yield piece
        if position >= stop:
            return
    raise Hiccup(f"the connection ended at byte {position} instead of {stop}")


def _first_byte(answer: Answer, size: int) -> int:
    if answer.status != 206:
        return 0
    told = _RANGE.fullmatch((answer.content_range or "").strip())
    if told is None:
        raise Mismatch(f"the answer's range is {answer.content_range!r}")
    if told[2] not in ("*", str(size)):
        raise Mismatch(f"the file has {told[2]} bytes, and {size} are listed")
    return int(told[1])
