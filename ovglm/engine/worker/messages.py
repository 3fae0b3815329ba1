"""What the two processes say to each other, as MessagePack. Knows neither pipes nor engines."""

import operator
from collections.abc import Sequence
from numbers import Real
from pathlib import Path
from typing import Any

import msgspec

from ovglm import errors
from ovglm.devices.options import RuntimeOptions
from ovglm.engine.base import Counters, EngineInfo
from ovglm.errors import OvglmError
from ovglm.messages import Chunk, Sampling
from ovglm.pictures import Picture

__all__ = [
    "Beat",
    "Cancel",
    "Chunks",
    "Failed",
    "FromWorker",
    "Ready",
    "Refusal",
    "Refused",
    "Said",
    "SentPicture",
    "Start",
    "Stop",
    "Submit",
    "ToWorker",
    "decoder",
    "encode",
]


class _Message(msgspec.Struct, array_like=True, tag=True):
    """Fields travel by position, after the name of the message."""


class Start(_Message):
    """Load this model. The first message to a worker."""

    factory: str
    folder: str
    device: str
    options: RuntimeOptions
    heartbeat_s: float


class SentPicture(msgspec.Struct, array_like=True, frozen=True):
    """A picture on its way: the bytes of its pixels, rows first, and their shape."""

    pixels: bytes
    shape: tuple[int, int, int]
    digest: str
    size: tuple[int, int]

    @classmethod
    def of(cls, picture: Picture) -> "SentPicture":
        """Pack a picture."""
        height, width, channels = picture.pixels.shape
        pixels = picture.pixels.tobytes()
        return cls(pixels, (height, width, channels), picture.digest, picture.size)

    def to_picture(self) -> Picture:
        """Unpack it."""
        import numpy as np

        pixels = np.frombuffer(self.pixels, dtype=np.uint8).reshape(self.shape)
        return Picture(pixels, self.digest, self.size)


class Submit(_Message):
    """Answer this prompt; `request` is the parent's number for it."""

    request: int
    prompt_ids: list[int]
    sampling: Sampling
    pictures: tuple[SentPicture, ...] = ()

    @classmethod
    def of(
        cls, request: int, ids: Sequence[int], sampling: Sampling, pictures: Sequence[Picture]
    ) -> "Submit":
        """Pack a request."""
        return cls(request, list(ids), sampling, tuple(map(SentPicture.of, pictures)))


class Cancel(_Message):
    """End this request soon."""

    request: int


class Stop(_Message):
    """End all requests, free the model and leave."""


class Refusal(msgspec.Struct, frozen=True):
    """An OvglmError on its way: the name of its class, its message and its hint."""

    kind: str
    message: str
    hint: str | None = None

    @classmethod
    def of(cls, error: BaseException) -> "Refusal":
        """Pack an error; one that is no OvglmError is a bug, and named with its class."""
        if isinstance(error, OvglmError):
            return cls(type(error).__name__, error.message, error.hint)
        bug = f"a bug in the worker ended this request: {type(error).__name__}: {error}"
        return cls("OvglmError", bug, "see the traceback on stderr, and report it")

    def to_error(self) -> OvglmError:
        """Unpack it; an unknown class becomes a plain OvglmError."""
        known = getattr(errors, self.kind) if self.kind in errors.__all__ else OvglmError
        return known(self.message, self.hint)


class Said(_Message):
    """A line for the user while the model is loaded."""

    text: str


class Ready(_Message):
    """The model is loaded; requests may come."""

    info: EngineInfo


class Refused(_Message):
    """The model was not loaded, for a reason that the user can mend. The worker leaves."""

    refusal: Refusal


class Chunks(_Message):
    """What one step of the engine made: pairs of a request's number and a chunk, in order."""

    pieces: list[tuple[int, Chunk]]


class Failed(_Message):
    """This one request ended with an error."""

    request: int
    refusal: Refusal


class Beat(_Message):
    """A sign of life, with the engine's counters."""

    counters: Counters


ToWorker = Start | Submit | Cancel | Stop
FromWorker = Said | Ready | Refused | Chunks | Failed | Beat


def encode(message: ToWorker | FromWorker) -> bytes:
    """Pack a message."""
    return msgspec.msgpack.encode(message, enc_hook=_to_plain)


def decoder(kinds: Any) -> "msgspec.msgpack.Decoder[Any]":
    """Return what unpacks messages of one direction, `ToWorker` or `FromWorker`."""
    return msgspec.msgpack.Decoder(kinds, dec_hook=_from_plain)


def _to_plain(value: object) -> str | int | float:
    """Write paths as text and numpy's numbers as Python's."""
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "__index__"):
        return operator.index(value)  # pyright: ignore[reportArgumentType]
    if isinstance(value, Real):
        return float(value)
    raise TypeError(f"{type(value).__name__} cannot be sent to another process")


def _from_plain(kind: type, value: Any) -> object:
    if kind is Path:
        return Path(value)
    raise TypeError(f"{kind.__name__} cannot come from another process")
