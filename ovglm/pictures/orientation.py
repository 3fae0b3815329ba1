"""How a camera was held, as a picture's EXIF data tell. Never fails: damaged data tell nothing."""

import struct

__all__ = ["UPRIGHT", "read_orientation"]

UPRIGHT = 1
_ORIENTATION = 0x0112
_ENTRY = 12


def read_orientation(exif: bytes) -> int:
    """Give the value from 1 to 8 of the tag Orientation; 1, upright, where there is none.

    Exif 2.32, 4.6: a TIFF header (byte order, 42, the place of the first directory), and there a
    count and entries of 12 bytes: tag, type, number, value. A value of type SHORT stands first.
    """
    tiff = exif.removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return UPRIGHT
    try:
        (start,) = struct.unpack_from(f"{order}I", tiff, 4)
        (count,) = struct.unpack_from(f"{order}H", tiff, start)
        for place in range(start + 2, start + 2 + count * _ENTRY, _ENTRY):
            tag, _kind, _number, value = struct.unpack_from(f"{order}HHIH", tiff, place)
            if tag == _ORIENTATION:
                return value if 1 <= value <= 8 else UPRIGHT
    except struct.error:  # it ends before it is complete
        return UPRIGHT
    return UPRIGHT
