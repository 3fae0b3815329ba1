"""Bytes from outside, read as UTF-8 and nothing else."""

from ovglm.errors import OvglmError

__all__ = ["decode_utf8"]


def decode_utf8(raw: bytes) -> str:
    """Give the text of `raw`, without the mark that Windows puts before it."""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise OvglmError(
            f"the input is not UTF-8: byte {raw[error.start]:#04x} at {error.start}"
        ) from error
