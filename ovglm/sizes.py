"""Sizes in words, the same everywhere that a person reads them."""

__all__ = ["size_text"]


def size_text(size_bytes: int) -> str:
    """Write a number of bytes as people read it: 2.3 GB."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size_bytes >= factor:
            return f"{size_bytes / factor:.1f} {unit}"
    return f"{size_bytes} bytes"
