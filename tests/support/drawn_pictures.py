"""Simple pictures that nano-v knows: one thing of one colour on a plain ground, as a PNG."""

import io

from PIL import Image, ImageDraw

__all__ = ["BLUE_SQUARE", "RED_CIRCLE"]


def _draw(color: tuple[int, int, int], is_round: bool) -> bytes:
    picture = Image.new("RGB", (160, 120), (235, 235, 230))
    pen = ImageDraw.Draw(picture)
    (pen.ellipse if is_round else pen.rectangle)((50, 30, 110, 90), fill=color)
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


RED_CIRCLE = _draw((220, 30, 35), is_round=True)
BLUE_SQUARE = _draw((35, 75, 215), is_round=False)
