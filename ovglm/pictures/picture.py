"""What a picture is once it is read."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Picture"]


@dataclass(frozen=True, eq=False)
class Picture:
    """One picture as a tower sees it before normalisation.

    pixels: uint8 [S, S, C]. digest: SHA-256 of the pixels, as hex. size: the width and height that
    the picture had, in pixels, after the turn that its EXIF data ask for.
    """

    pixels: "np.ndarray"
    digest: str
    size: tuple[int, int]
