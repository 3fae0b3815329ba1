"""A SHA-256 that is taken up again after a kill: hashlib cannot tell its state, OpenSSL's can.

SHA256_Init, _Update and _Final are public functions of libcrypto since 0.9.8, and the layout of
their context has been the same ever since (openssl/sha.h, SHA256state_st); OpenSSL 3 calls them
deprecated and keeps them. Python's own hashlib is linked against the same library.
"""

import ctypes
import hashlib
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

__all__ = ["Checksum"]

_LIBRARIES = ("libcrypto.so.3", "libcrypto.so.1.1")


class _Context(ctypes.Structure):
    """SHA256state_st."""

    _fields_ = (
        ("h", ctypes.c_uint32 * 8),
        ("low_bits", ctypes.c_uint32),
        ("high_bits", ctypes.c_uint32),
        ("data", ctypes.c_uint32 * 16),
        ("held", ctypes.c_uint32),
        ("digest_bytes", ctypes.c_uint32),
    )


class Checksum:
    """The SHA-256 of bytes that come piece by piece, from several runs of the program."""

    def __init__(self, state: str | None = None) -> None:
        """Begin, or go on from a state; one that is of no use here begins from nothing."""
        self._library = _find_library()
        self._plain, self._plain_size = hashlib.sha256(), 0
        if self._library is not None:
            self._context = _Context()
            self._library.SHA256_Init(ctypes.byref(self._context))
            self._context = _read(state) or self._context

    @property
    def size(self) -> int:
        """Return how many bytes were summed up."""
        if self._library is None:
            return self._plain_size
        return (self._context.high_bits << 32 | self._context.low_bits) // 8

    def update(self, piece: bytearray | memoryview) -> None:
        """Sum up the next bytes."""
        if self._library is None:
            self._plain.update(piece)
            self._plain_size += len(piece)
            return
        data = (ctypes.c_char * len(piece)).from_buffer(piece)
        self._library.SHA256_Update(ctypes.byref(self._context), data, len(piece))

    def hexdigest(self) -> str:
        """Return the checksum of all bytes so far."""
        if self._library is None:
            return self._plain.hexdigest()
        digest, context = (ctypes.c_ubyte * 32)(), _Context.from_buffer_copy(self._context)
        self._library.SHA256_Final(digest, ctypes.byref(context))
        return bytes(digest).hex()

    def state(self) -> str | None:
        """Return what a later run goes on from; None where no such library was found."""
        return None if self._library is None else bytes(self._context).hex()


def _read(state: str | None) -> _Context | None:
    """Read a state; None where it is none, as the library would write where a wrong one points."""
    try:
        context = _Context.from_buffer_copy(bytes.fromhex(state or ""))
    except ValueError:  # no hexadecimal, or too short
        return None
    count, rest = divmod(context.low_bits, 8)
    is_whole = rest == 0 and len(state or "") == 2 * ctypes.sizeof(_Context)
    is_right = context.held == count % 64 and context.digest_bytes == 32
    return context if is_whole and is_right else None


@cache
def _find_library() -> Any:
    """Find a libcrypto that works: the one of hashlib, or the system's; None where there is none.

    A library's name finds its symbols, and on POSIX those of what it is linked against.
    """
    for name in _candidates():
        try:
            library = ctypes.CDLL(name)
            library.SHA256_Update.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)
            if _is_right(library):
                return library
        except (OSError, AttributeError):
            continue  # not here, or built without these functions
    return None


def _candidates() -> list[str]:
    """List files that may hold the functions, or lead to them."""
    spec = find_spec("_hashlib")
    file = Path(spec.origin) if spec and spec.origin else Path()
    if not file.is_file():
        return list(_LIBRARIES)  # built into the interpreter, or without OpenSSL
    return [str(file), *map(str, sorted(file.parent.glob("libcrypto-*.dll"))), *_LIBRARIES]


def _is_right(library: Any) -> bool:
    """Try it: the context must be as it is described above."""
    context, digest = _Context(), (ctypes.c_ubyte * 32)()
    text = b"0123456789" * 20
    library.SHA256_Init(ctypes.byref(context))
    library.SHA256_Update(ctypes.byref(context), text[:77], 77)
    again = _Context.from_buffer_copy(bytes(context))
    library.SHA256_Update(ctypes.byref(again), text[77:], len(text) - 77)
    is_counted = (again.low_bits, again.high_bits) == (8 * len(text), 0)
    library.SHA256_Final(digest, ctypes.byref(again))
    return is_counted and bytes(digest) == hashlib.sha256(text).digest()
