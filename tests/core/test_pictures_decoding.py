"""Files become upright colours, whatever their format and colour model."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from ovglm.errors import PictureError
from ovglm.pictures.decoding import decode, flatten
from ovglm.pictures.orientation import read_orientation

NOISE = np.random.default_rng(0).integers(0, 256, (20, 31, 3), dtype=np.uint8)
PICTURE = Image.fromarray(NOISE)
LOSSLESS = [("PNG", {}), ("WEBP", {"lossless": True})]


def _file(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _pixels(raw: bytes) -> np.ndarray:
    image = decode(raw, "x")
    assert image.mode == "RGB"
    return np.asarray(image)


@pytest.mark.parametrize(("kind", "options"), LOSSLESS)
def test_a_lossless_file_has_its_pixels(kind: str, options: dict[str, Any]) -> None:
    assert np.array_equal(_pixels(_file(PICTURE, kind, **options)), NOISE)


def test_jpeg_and_gif_are_read_as_pillow_reads_them() -> None:
    for kind in ("JPEG", "GIF"):
        raw = _file(PICTURE, kind)
        wanted = Image.open(io.BytesIO(raw)).convert("RGB")
        assert np.array_equal(_pixels(raw), np.asarray(wanted))


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_of_a_moving_picture_the_first_frame_counts(kind: str) -> None:
    frames = [Image.new("RGB", (8, 8), color) for color in ("red", "blue")]
    raw = _file(frames[0], kind, save_all=True, append_images=frames[1:])
    red, _, blue = _pixels(raw)[4, 4]
    assert red > 240 and blue < 10


def test_the_first_picture_of_a_camera_s_pair_counts() -> None:
    raw = _file(Image.new("RGB", (8, 8), "red"), "MPO", save_all=True, append_images=[PICTURE])
    assert _pixels(raw).shape == (8, 8, 3)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_as_its_exif_data_ask(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "a maker", orientation
    options: dict[str, Any] = {"lossless": True} if kind == "WEBP" else {}
    raw = _file(PICTURE, kind, exif=exif, **options)
    wanted = ImageOps.exif_transpose(Image.open(io.BytesIO(raw))).convert("RGB")
    assert np.array_equal(_pixels(raw), np.asarray(wanted))


@pytest.mark.parametrize(
    "exif",
    [
        b"",
        b"Exif\0\0",
        b"II*\0",
        b"II*\0\xff\xff\xff\xff",
        b"MM\0*\0\0\0\x08\xff\xff" + b"\1" * 30,
        b"II*\0\x08\0\0\0\1\0\x12\x01\x03\0\1\0\0\0\x09\0\0\0",
        b"not exif at all",
    ],
)
def test_damaged_exif_data_leave_the_picture_as_it_is(exif: bytes) -> None:
    assert read_orientation(exif) == 1


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "YCbCr"])
def test_other_colour_models_become_rgb(mode: str) -> None:
    image = PICTURE.convert(mode)
    kind = "JPEG" if mode in ("CMYK", "YCbCr") else "PNG"
    raw = _file(image, kind)
    assert np.array_equal(_pixels(raw), np.asarray(Image.open(io.BytesIO(raw)).convert("RGB")))


def test_of_sixteen_bit_greys_the_upper_eight_count() -> None:
    grey = np.array([[0, 255, 256, 0x1234, 65535]], np.uint16)
    assert _pixels(_file(Image.fromarray(grey)))[0, :, 0].tolist() == [0, 0, 1, 0x12, 255]


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_is_white(mode: str) -> None:
    clear = Image.new("RGBA", (4, 300), (0, 0, 0, 0))
    clear.putpixel((1, 299), (0, 0, 0, 255))
    clear.putpixel((2, 299), (0, 0, 0, 128))
    options: dict[str, Any] = {}
    image = clear if mode == "RGBA" else clear.convert(mode)
    if mode == "P":
        image, options = Image.new("P", (4, 300), 0), {"transparency": 0}
        image.putpalette([0, 0, 0, 9, 9, 9])
        image.putpixel((1, 299), 1)
    pixels = _pixels(_file(image, **options))
    assert pixels[0, 0].tolist() == [255, 255, 255]
    assert pixels[299, 1].max() < 10
    if mode == "RGBA":
        assert pixels[299, 2].tolist() == [127, 127, 127]


def test_transparency_is_laid_over_white_as_pillow_does_it() -> None:
    alpha = np.random.default_rng(1).integers(0, 256, (600, 31, 4), dtype=np.uint8)
    image = Image.fromarray(alpha)
    white = Image.new("RGBA", image.size, "white")
    wanted = Image.alpha_composite(white, image).convert("RGB")
    assert np.array_equal(np.asarray(flatten(image, "x")), np.asarray(wanted))


def test_a_picture_of_pillow_s_stays_as_it_was() -> None:
    image = Image.new("RGBA", (3, 3), (1, 2, 3, 4))
    flatten(image, "x")
    assert (image.mode, image.getpixel((0, 0))) == ("RGBA", (1, 2, 3, 4))
    with pytest.raises(PictureError, match="mode F"):
        flatten(Image.new("F", (3, 3)), "x")
