"""Files of pictures: their bytes, up to a limit, and every reason why there are none."""

from difflib import get_close_matches
from pathlib import Path

from ovglm.errors import PictureError

__all__ = ["MOST_BYTES", "check_bytes", "read_file"]

# Larger than what cameras write: some 60 MB of a sensor with 200 million pixels, in JPEG.
MOST_BYTES = 64 << 20


def read_file(path: Path) -> bytes:
    """Read a file of at most MOST_BYTES.

    Raises PictureError: absent, a folder, no plain file, not readable, empty or larger.
    """
    try:
        if path.is_dir():
            raise PictureError(f"{path} is a folder, not a picture", "name one file of it")
        if not path.exists():
            raise PictureError(f"there is no file {path}", _alike(path))
        if not path.is_file():
            raise PictureError(f"{path} is no plain file", "copy the picture into a file")
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a name with a zero byte
        reason = getattr(error, "strerror", None) or error
        raise PictureError(f"{path} cannot be read: {reason}", "look at its permissions") from error
    check_bytes(raw, str(path))
    return raw


def _alike(path: Path) -> str:
    """Name a file beside an absent one whose name is like its own."""
    names = [one.name for one in path.parent.iterdir()] if path.parent.is_dir() else []
    near = get_close_matches(path.name, names, n=1)
    return str(path.parent / near[0]) if near else "look at how its name is written"


def check_bytes(raw: bytes, name: str) -> None:
    """Refuse what holds nothing, or more than MOST_BYTES."""
    if not raw:
        raise PictureError(f"{name} is empty", "give the file of a picture")
    if len(raw) > MOST_BYTES:
        raise PictureError(
            f"{name} has more than {MOST_BYTES >> 20} MiB, the largest file that is read",
            "save the picture smaller, or as JPEG",
        )
