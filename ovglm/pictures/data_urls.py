"""data: URLs (RFC 2397) of pictures: their bytes, which must be of the kind that the URL says."""

import binascii
import io
from base64 import b64decode, b64encode
from urllib.parse import unquote

from ovglm.errors import PictureError
from ovglm.pictures.kinds import READ, kind_of
from ovglm.pictures.picture import Picture
from ovglm.pictures.reading import fitted_size
from ovglm.vision_facts import VisionFacts

__all__ = ["DATA_HINT", "is_data_url", "read_data_url", "to_data_url"]

DATA_HINT = "send the picture itself as a data: URL, data:image/png;base64,…"
_KINDS = {f"image/{kind.lower()}": kind for kind in READ.values()}
_KINDS["image/jpg"] = "JPEG"  # no registered type, but widely written
_LONGEST_SHOWN = 40


def is_data_url(url: str) -> bool:
    """Say whether a URL carries its content in itself."""
    return url[:5].lower() == "data:"


def read_data_url(url: str) -> bytes:
    """Give the bytes of a picture; raise PictureError for all that is not one in base64."""
    head, comma, body = url[5:].partition(",")
    kind, *parameters = (part.strip().lower() for part in head.split(";"))
    if not is_data_url(url) or not comma or kind not in _KINDS:
        shown = (kind if comma and is_data_url(url) else url)[:_LONGEST_SHOWN]
        raise PictureError(
            f"{shown!r} is not the type of a picture that is read: PNG, JPEG, WebP or GIF",
            DATA_HINT,
        )
    if parameters[-1:] != ["base64"]:
        raise PictureError("the data: URL is not in base64", DATA_HINT)
    data = _decode(body)
    found = kind_of(data)
    if found != _KINDS[kind]:
        what = f"are {found}" if found else "are no such picture"
        raise PictureError(f"the data: URL says {kind}, and its bytes {what}", DATA_HINT)
    return data


def to_data_url(picture: Picture, facts: VisionFacts) -> str:
    """Write a picture as PNG, as the model sees it and without the fill around it.

    Read again for the same model it has the same pixels. It keeps no EXIF data and no other size;
    where the model stretches pictures, the aspect ratio is the stretched one.
    """
    from PIL import Image

    side = facts.image_size
    width, height = (side, side) if facts.resize == "stretch" else fitted_size(picture.size, side)
    pixels = picture.pixels[:height, :width]
    image = Image.fromarray(pixels[:, :, 0] if facts.channels == 1 else pixels)
    file = io.BytesIO()
    image.save(file, "PNG")
    return f"data:image/png;base64,{b64encode(file.getvalue()).decode('ascii')}"


def _decode(body: str) -> bytes:
    """Decode base64; line breaks and escapes of a URL may be in it, and nothing else."""
    body = unquote(body) if "%" in body else body
    try:
        return b64decode("".join(body.split()), validate=True)
    except (binascii.Error, ValueError) as error:  # ValueError: characters beyond ASCII
        raise PictureError(f"the data: URL is not valid base64: {error}", DATA_HINT) from error
