"""Files that a request names: only pictures in the one folder of --image-root are ever opened.

A name that is not there and one that leads out of the folder get the same answer, so that nobody
learns which files the machine has.
"""

import os
import re
import stat
from pathlib import Path, PurePosixPath, PureWindowsPath
from urllib.parse import unquote, urlsplit

from ovglm.errors import RequestError
from ovglm.pictures.data_urls import DATA_HINT

__all__ = ["is_remote", "read_local"]

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]+):", re.IGNORECASE)
_LONGEST_SHOWN = 200
# Not to wait for a pipe, and not to follow a link that came since the path was looked at.
_OPEN = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
_OPEN |= getattr(os, "O_NOFOLLOW", 0)


def is_remote(url: str) -> bool:
    """Say whether a URL is of another scheme than file:, as those of other machines are."""
    match = _SCHEME.match(url)  # one letter before the colon is a drive of Windows
    return match is not None and match[1].lower() != "file"


def read_local(url: str, root: Path | None, most_bytes: int) -> bytes:
    """Give the bytes of a file under `root`, by its file: URL, its path, or its path from there.

    Raises RequestError where there is no root, and in the same words for a file that is not there,
    cannot be read, is no file, or is elsewhere, links followed.
    """
    shown = url[:_LONGEST_SHOWN]
    if root is None:
        raise RequestError(
            f"{shown!r} is not read: this server was started without --image-root, and opens no "
            "files that a request names",
            DATA_HINT,
        )
    name, data = _path_of(url), None
    if name is not None:
        data = _read_inside(name, root, most_bytes)
    if data is None:
        raise RequestError(f"{shown!r} is no file in the folder of --image-root", DATA_HINT)
    if len(data) > most_bytes:
        raise RequestError(f"{shown!r} has more than {most_bytes} bytes", "send a smaller picture")
    return data


def _path_of(url: str) -> str | None:
    """Give the path of a file: URL or a plain path; None for what is none on this machine."""
    if url[:5].lower() != "file:":
        return url
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if parts.netloc.lower() not in ("", "localhost") or parts.query or parts.fragment:
        return None
    path = unquote(parts.path)
    # file:///C:/a.png has a slash before the drive
    return path[1:] if os.name == "nt" and re.match(r"/[A-Za-z]:", path) else path


def _read_inside(name: str, root: Path, most_bytes: int) -> bytes | None:
    """Read a file under the root; None for every other, which is not even looked at."""
    is_network = name[:2].replace("\\", "/") == "//"
    steps = {*PurePosixPath(name).parts, *PureWindowsPath(name).parts}
    if is_network or ".." in steps or "\0" in name:
        return None
    base = root.resolve()
    path = base / name  # an absolute name takes the place of the base
    if not (path.is_relative_to(base) or path.is_relative_to(root.absolute())):
        return None
    try:
        real = path.resolve(strict=True)
        return _read(real, most_bytes) if real.is_relative_to(base) else None
    except (OSError, RuntimeError, ValueError):  # RuntimeError: links in a circle, in Python 3.10
        return None


def _read(path: Path, most_bytes: int) -> bytes | None:
    """Read a regular file, one byte more than allowed at most."""
    opened = os.open(path, _OPEN)
    try:
        if not stat.S_ISREG(os.fstat(opened).st_mode):
            return None
        with open(opened, "rb", closefd=False) as file:
            return file.read(most_bytes + 1)
    finally:
        os.close(opened)
