"""From a file to the pixels that a tower sees, and from these to its numbers.

`fit` is what transformers' MllamaImageProcessor does with one tile (get_image_size_fit_to_canvas,
resize, pad), `stretch` what THUDM/glm-4v-9b's tokenization_chatglm.py does.
"""

import hashlib
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ovglm.errors import PictureError
from ovglm.pictures.decoding import MOST_PIXELS, decode, flatten
from ovglm.pictures.files import read_file
from ovglm.pictures.picture import Picture
from ovglm.vision_facts import VisionFacts

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

__all__ = ["MOST_PIXELS", "check_picture", "fitted_size", "normalize", "read_picture"]

_UNNAMED = "the picture"
_MODES = {1: "L", 3: "RGB"}


def read_picture(
    source: "bytes | Path | Image.Image", facts: VisionFacts, name: str = ""
) -> Picture:
    """Read a picture and make it as large as the tower of `facts` wants it.

    source: the bytes of a file in PNG, JPEG, WebP or GIF, its path, or a picture of Pillow's.
    name: what errors call it; a path has its own.
    Raises PictureError: not readable, no picture, of another kind, damaged, or too large.
    """
    import numpy as np
    from PIL import Image

    if isinstance(source, Image.Image):
        image = flatten(source, name or _UNNAMED)
    elif isinstance(source, (bytes, Path)):
        image = _decode(source, name)
    else:
        raise PictureError(
            f"a {type(source).__name__} is neither a path, nor bytes, nor a picture of Pillow's",
            "for an array: PIL.Image.fromarray(array)",
        )
    filter_ = Image.Resampling[facts.resample.upper()]
    side, mode = facts.image_size, _mode_of(facts)
    seen = Image.new(mode, (side, side))
    new = (side, side) if facts.resize == "stretch" else fitted_size(image.size, side)
    seen.paste((image if image.mode == mode else image.convert(mode)).resize(new, filter_))
    pixels = np.asarray(seen).reshape(side, side, facts.channels)
    return Picture(pixels, hashlib.sha256(pixels.tobytes()).hexdigest(), image.size)


def check_picture(source: bytes | Path, name: str = "") -> None:
    """Refuse what `read_picture` would refuse for every model."""
    _decode(source, name)


def fitted_size(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Give the largest width and height of the same aspect ratio in a square; at least 1 each."""
    width, height = size
    scale_x, scale_y = side / width, side / height
    if scale_x < scale_y:
        return side, min(max(math.floor(height * scale_x), 1), side)
    return min(max(math.floor(width * scale_y), 1), side), side


def normalize(picture: Picture, facts: VisionFacts) -> "np.ndarray":
    """Give float32 [C, S, S]: pixels times `rescale`, less the mean, over std, per channel."""
    import numpy as np

    scaled = picture.pixels.astype(np.float32) * np.float32(facts.rescale)
    mean, std = (np.array(values, np.float32) for values in (facts.mean, facts.std))
    return np.ascontiguousarray(((scaled - mean) / std).transpose(2, 0, 1))


def _decode(source: bytes | Path, name: str) -> "Image.Image":
    if isinstance(source, Path):
        return decode(read_file(source), name or str(source))
    return decode(source, name or _UNNAMED)


def _mode_of(facts: VisionFacts) -> Any:
    if facts.channels not in _MODES:
        raise PictureError(
            f"the model wants pictures of {facts.channels} channels; only those of 1, grey, and 3, "
            "colours, can be made",
            "ovglm models",
        )
    return _MODES[facts.channels]
