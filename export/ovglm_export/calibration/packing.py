"""Cuts a user's texts into samples of one length, nothing left out between them."""

from collections.abc import Iterable, Iterator, Sequence

from ovglm.errors import OvglmError
from ovglm_export.calibration.documents import Document
from ovglm_export.calibration.rendering import Renderer

__all__ = ["pack"]


def pack(
    documents: Sequence[Document], renderer: Renderer, source: str, samples: int, length: int
) -> tuple[tuple[int, ...], ...]:
    """Give the first `samples` samples of `length` ids, each with the model's prefix before it.

    A document that does not fit goes on in the next sample. Raises OvglmError where the text
    does not suffice.
    """
    prefix = renderer.prefix
    room = length - len(prefix)
    if room < 1:
        raise OvglmError(
            f"a sample of {length} tokens has no room behind the {len(prefix)} that begin a prompt",
            "--sample-length 512",
        )
    found: list[tuple[int, ...]] = []
    waiting: list[int] = []
    for ids in _all_pieces(documents, renderer):
        waiting += ids
        while len(waiting) >= room:
            found.append((*prefix, *waiting[:room]))
            del waiting[:room]
            if len(found) == samples:
                return tuple(found)
    raise _too_short(source, len(found), len(waiting) + len(prefix), samples, length)


def _all_pieces(documents: Iterable[Document], renderer: Renderer) -> Iterator[list[int]]:
    for document in documents:
        yield from renderer.pieces(document)


def _too_short(source: str, found: int, rest: int, samples: int, length: int) -> OvglmError:
    has = f"{found} samples of {length} tokens" if found else f"one sample of {rest} tokens"
    mend = f"--samples {found}" if found else f"--samples 1 --sample-length {rest}"
    return OvglmError(
        f"{source} has text for {has}; {samples} of {length} were asked for",
        f"{mend}, or more text",
    )
