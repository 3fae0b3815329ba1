"""What crosses the border between two processes arrives as it was."""

from multiprocessing.connection import Pipe
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ovglm.devices.options import RuntimeOptions
from ovglm.engine.base import Counters
from ovglm.engine.worker.messages import (
    Beat,
    Cancel,
    Chunks,
    Failed,
    FromWorker,
    Ready,
    Refusal,
    Refused,
    Said,
    Start,
    Stop,
    Submit,
    ToWorker,
    decoder,
    encode,
)
from ovglm.engine.worker.wire import Wire
from ovglm.errors import FolderError, OvglmError
from ovglm.messages import Chunk, Sampling
from ovglm.pictures import Picture
from ovglm.testing import FakeEngine

OPTIONS = RuntimeOptions(
    context=512, kv_cache="u8", cache_dir=Path("cache"), properties=(("A", "1"), ("B", "2"))
)
REFUSAL = Refusal("FolderError", "it is damaged", "export it again")
PIECES = [(3, Chunk((1, 2), "ab", (-0.5, -1.0))), (4, Chunk(finish_reason="stop", index=1))]


@pytest.mark.parametrize(
    ("kinds", "message"),
    [
        (ToWorker, Start("module:function", "folder", "CPU", OPTIONS, 1.0)),
        (ToWorker, Submit(7, [1, 2, 3], Sampling(temperature=0.5, stop=("\n",), n=2))),
        (ToWorker, Cancel(7)),
        (ToWorker, Stop()),
        (FromWorker, Said("NPU was chosen")),
        (FromWorker, Ready(FakeEngine([]).info)),
        (FromWorker, Refused(REFUSAL)),
        (FromWorker, Chunks(PIECES)),
        (FromWorker, Failed(7, REFUSAL)),
        (FromWorker, Beat(Counters(submitted=3, cache_usage=0.5))),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_message_arrives_as_it_was_sent(kinds: Any, message: Any) -> None:
    assert decoder(kinds).decode(encode(message)) == message


def test_a_picture_arrives_pixel_by_pixel() -> None:
    pixels = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    sent = Submit.of(1, [5], Sampling(), [Picture(pixels, "ab", (640, 480))])
    (arrived,) = decoder(ToWorker).decode(encode(sent)).pictures
    picture = arrived.to_picture()
    assert (picture.pixels == pixels).all() and picture.pixels.dtype == np.uint8
    assert (picture.digest, picture.size) == ("ab", (640, 480))


def test_numbers_of_numpy_arrive_as_numbers_of_python() -> None:
    ids: Any = [np.int64(5), np.int32(6)]
    assert decoder(ToWorker).decode(encode(Submit(1, ids, Sampling()))).prompt_ids == [5, 6]
    numbers: tuple[Any, Any] = (np.int64(5), np.float32(-0.5))
    chunk = Chunk(numbers[:1], logprobs=numbers[1:])
    arrived = decoder(FromWorker).decode(encode(Chunks([(1, chunk)]))).pieces[0][1]
    assert arrived == Chunk((5,), logprobs=(-0.5,))


def test_what_cannot_be_sent_is_named() -> None:
    ids: Any = [object()]
    with pytest.raises(TypeError, match="object cannot be sent"):
        encode(Submit(1, ids, Sampling()))


def test_a_refusal_keeps_its_class_message_and_hint() -> None:
    error = Refusal.of(FolderError("it is damaged", "export it again")).to_error()
    assert type(error) is FolderError
    assert (error.message, error.hint) == ("it is damaged", "export it again")


def test_a_refusal_of_a_class_that_is_not_ours_becomes_a_plain_one() -> None:
    assert type(Refusal("SystemExit", "no").to_error()) is OvglmError


def test_a_bug_is_named_with_its_class() -> None:
    assert "ZeroDivisionError: by 0" in Refusal.of(ZeroDivisionError("by 0")).message


def test_both_ends_notice_that_the_other_one_is_gone() -> None:
    ours, theirs = Pipe()
    wire = Wire(ours, FromWorker)
    theirs.close()
    assert wire.poll(0)
    with pytest.raises(EOFError):
        wire.receive()
    with pytest.raises(EOFError):
        wire.send(Stop())
    wire.close()
