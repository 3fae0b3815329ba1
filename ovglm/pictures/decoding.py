"""From the bytes of a file, or a picture of Pillow's, to upright 8-bit colours. Knows no model.

Of a GIF, and of every other picture that moves, the first frame is taken. What is transparent is
laid over white, as transformers' processor of these models does (MllamaImageProcessor,
convert_to_rgb). Colour profiles (ICC) are not applied: the vendors' processors do not either, and
the models learnt from such pictures; CMYK becomes RGB by Pillow's plain formula. Of samples with
16 bits the upper 8 are taken, in greys and in colours.
"""

import io
import struct
import warnings
import zlib
from threading import Lock
from typing import TYPE_CHECKING

from ovglm.errors import PictureError
from ovglm.pictures.files import check_bytes
from ovglm.pictures.kinds import READ, kind_of
from ovglm.pictures.orientation import read_orientation

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["MOST_PIXELS", "decode", "flatten"]

# More than today's screens and nearly all cameras. Pillow takes 256 MB for so many, and up to three
# times that while a picture is turned or made opaque.
MOST_PIXELS = 64_000_000
_BAND = 256
_KINDS = f"{', '.join(list(READ.values())[:-1])} and {list(READ.values())[-1]}"
# What Pillow's plugins raise for damaged files; fuzzing brought the first three.
_DAMAGED = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    TypeError,
    ArithmeticError,
    struct.error,
    zlib.error,
)
# Warnings are switched off for the whole process: for one reader at a time, and not for long.
_opening = Lock()


def decode(raw: bytes, name: str) -> "Image.Image":
    """Decode a file's bytes, and turn the picture upright.

    name: what the errors call it. Raises PictureError: too large, of another kind, damaged.
    """
    from PIL import Image

    check_bytes(raw, name)
    kind = kind_of(raw)
    if kind not in READ.values():
        raise _refuse_kind(kind, name)
    try:
        with _opening, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of sizes, which are checked here, and of metadata
            image = Image.open(io.BytesIO(raw), formats=tuple(READ))
        _check_pixels(image.size, name)
        image.load()
    except Image.DecompressionBombError as error:
        raise _too_many_pixels("more", name) from error
    except MemoryError as error:
        raise PictureError(f"{name} does not fit into the memory", "save it smaller") from error
    except PictureError:
        raise
    except _DAMAGED as error:
        raise _damaged(name, error) from error
    return flatten(image, name)


def flatten(image: "Image.Image", name: str) -> "Image.Image":
    """Give a picture upright, without transparency, in mode RGB; `image` stays as it is."""
    from PIL import Image

    _check_pixels(image.size, name)
    upright = _turn(image)
    if upright.mode.startswith("I;16"):
        import numpy as np

        upright = Image.fromarray((np.asarray(upright) >> 8).astype(np.uint8))
    if upright.mode in ("I", "F", "LAB", "HSV"):
        raise PictureError(f"{name} is of mode {image.mode}", 'give image.convert("RGB")')
    if upright.has_transparency_data:
        return _lay_over_white(upright)
    return upright if upright.mode == "RGB" else upright.convert("RGB")


def _lay_over_white(image: "Image.Image") -> "Image.Image":
    """Make a picture opaque, in bands: each of the copies that this takes is a small one."""
    from PIL import Image

    width, height = image.size
    opaque = Image.new("RGB", image.size)
    for top in range(0, height, _BAND):
        cover = image.crop((0, top, width, min(top + _BAND, height))).convert("RGBA")
        white = Image.new("RGBA", cover.size, "white")
        opaque.paste(Image.alpha_composite(white, cover).convert("RGB"), (0, top))
    return opaque


def _turn(image: "Image.Image") -> "Image.Image":
    """Turn a picture as its EXIF data ask for."""
    from PIL import Image

    exif = image.info.get("exif")
    how = Image.Transpose
    turns = {
        2: how.FLIP_LEFT_RIGHT,
        3: how.ROTATE_180,
        4: how.FLIP_TOP_BOTTOM,
        5: how.TRANSPOSE,
        6: how.ROTATE_270,
        7: how.TRANSVERSE,
        8: how.ROTATE_90,
    }
    turn = turns.get(read_orientation(exif)) if isinstance(exif, bytes) else None
    return image if turn is None else image.transpose(turn)


def _check_pixels(size: tuple[int, int], name: str) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise PictureError(f"{name} has {width} x {height} pixels", "give another picture")
    if width * height > MOST_PIXELS:
        raise _too_many_pixels(f"{width} x {height} pixels, more", name)


def _too_many_pixels(what: str, name: str) -> PictureError:
    return PictureError(
        f"{name} has {what} than the {MOST_PIXELS // 1_000_000} million that are read",
        "save the picture smaller: the model sees far fewer pixels",
    )


def _refuse_kind(kind: str | None, name: str) -> PictureError:
    if kind is None:
        return PictureError(
            f"{name} is no picture of a known kind; {_KINDS} are read", "give such a picture"
        )
    return PictureError(f"{name} is {kind}; {_KINDS} are read", "save it as PNG or JPEG")


def _damaged(name: str, error: Exception) -> PictureError:
    text = str(error) or type(error).__name__
    return PictureError(f"{name} is damaged or cut off: {text:.100}", "copy or save it again")
