"""Files that are no picture, are damaged, or would unfold without end: refused, never a crash."""

import io
import os
import random
import struct
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from ovglm.errors import PictureError, RequestError
from ovglm.pictures import MOST_BYTES, MOST_PIXELS, check_picture, read_file
from ovglm.pictures.decoding import decode
from small_pictures import picture_file

NOISE = np.random.default_rng(0).integers(0, 256, (20, 31, 3), dtype=np.uint8)
PICTURE = Image.fromarray(NOISE)


def _file(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (_file(PICTURE, "TIFF"), "TIFF"),
        (_file(PICTURE, "BMP"), "BMP"),
        (_file(PICTURE, "ICO", sizes=[(16, 16)]), "ICO"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- x -->\n<svg/>", "SVG"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        (b"\0\0\0\x1cftypavif\0\0\0\0mif1avif", "AVIF"),
        (b"\0\0\0\x18ftypisom\0\0\0\0", "a film"),
        (b"%PDF-1.7\n", "PDF"),
        (b"\xff\x0a\x01\x02", "JPEG XL"),
    ],
)
def test_another_kind_is_refused_by_name_with_what_to_do(raw: bytes, kind: str) -> None:
    with pytest.raises(PictureError, match=f"a.x is {kind}; PNG, JPEG, WebP and GIF are") as caught:
        decode(raw, "a.x")
    assert caught.value.hint == "save it as PNG or JPEG"
    assert isinstance(caught.value, RequestError)


@pytest.mark.parametrize("raw", [b"my diary", b"\0" * 50, b"<html><svg></svg></html>", b"RIFFxxxx"])
def test_what_is_no_picture_is_refused(raw: bytes) -> None:
    with pytest.raises(PictureError, match="diary is no picture of a known kind"):
        decode(raw, "diary")


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _png(width: int, height: int, *chunks: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = b"".join([_chunk(b"IHDR", header), *chunks, _chunk(b"IEND", b"")])
    return b"\x89PNG\r\n\x1a\n" + body


def _gif(screen: tuple[int, int], frame: tuple[int, int]) -> bytes:
    head = b"GIF89a" + struct.pack("<HHBBB", *screen, 0x80, 0, 0) + bytes(6)
    return head + b"," + struct.pack("<HHHHB", 0, 0, *frame, 0) + b"\2\2\x44\1\0;"


def _webp(width: int, height: int) -> bytes:
    bits = (width - 1) | (height - 1) << 14
    body = b"VP8L" + struct.pack("<I", 6) + b"\x2f" + struct.pack("<I", bits) + b"\0"
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


@pytest.mark.parametrize(
    "raw",
    [
        _png(8001, 8000),
        _png(10_000, 10_000),
        _png(2**31 - 1, 2**31 - 1),
        _gif((65535, 65535), (1, 1)),
        _gif((1, 1), (10_000, 10_000)),
        _gif((1, 1), (65535, 65535)),
        _webp(16384, 16384),
        _webp(10_000, 9_000),
    ],
    ids=[
        "a few too many",
        "warned",
        "huge",
        "gif",
        "gif warned",
        "gif frame",
        "webp",
        "webp warned",
    ],
)
def test_a_decompression_bomb_is_refused_before_it_is_decoded(raw: bytes) -> None:
    assert len(raw) < 200
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(PictureError, match="than the 64 million that are read"):
            decode(raw, "bomb")


def test_the_largest_allowed_size_is_not_refused_for_its_size() -> None:
    with pytest.raises(PictureError, match="damaged or cut off"):
        decode(_png(8000, MOST_PIXELS // 8000), "large")


@pytest.mark.parametrize("chunk", [b"zTXt", b"iCCP"])
def test_a_text_that_unfolds_without_end_is_refused(chunk: bytes) -> None:
    bomb = _chunk(chunk, b"name\0\0" + zlib.compress(bytes(80 << 20)))
    with pytest.raises(PictureError, match="damaged or cut off"):
        decode(_png(1, 1, bomb), "bomb")


def test_many_texts_are_refused_too() -> None:
    info = PngImagePlugin.PngInfo()
    for number in range(70):
        info.add_text(f"name{number}", "x" * (1 << 20), zip=True)
    with pytest.raises(PictureError, match="damaged or cut off"):
        decode(_file(PICTURE, pnginfo=info), "bomb")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_a_file_that_is_cut_off_is_refused_or_has_its_pixels(kind: str) -> None:
    raw = _file(PICTURE, kind)
    for length in range(1, len(raw) * 9 // 10, 7):
        with pytest.raises(PictureError, match=r"x (is|has)"):
            decode(raw[:length], "x")


def test_damage_anywhere_never_crashes() -> None:
    chance = random.Random(0)
    exif = Image.Exif()
    exif[0x0112] = 6
    files = [picture_file(kind, exif=exif) for kind in ("PNG", "JPEG", "WEBP")]
    files += [picture_file("GIF"), _file(PICTURE.convert("RGBA"), "WEBP"), _file(PICTURE, "MPO")]
    refused = 0
    for _ in range(2000):
        raw = bytearray(chance.choice(files))
        for _ in range(chance.choice((1, 3, 20))):
            raw[chance.randrange(len(raw))] = chance.randrange(256)
        try:
            decode(bytes(raw), "x")
        except PictureError:
            refused += 1
    assert refused > 100


def test_a_file_is_read_up_to_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(picture_file())
    assert read_file(path) == picture_file()
    with path.open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(PictureError, match="more than 64 MiB"):
        check_picture(path)


def _nothing(path: Path) -> None:
    pass


def _pipe(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (_nothing, "there is no file"),
        (Path.mkdir, "is a folder, not a picture"),
        (Path.touch, "is empty"),
        pytest.param(
            _pipe,
            "is no plain file",
            marks=pytest.mark.skipif("sys.platform == 'win32'", reason="Windows has no such files"),
        ),
    ],
    ids=["absent", "folder", "empty", "pipe"],
)
def test_what_cannot_be_read_is_refused_by_its_path(
    tmp_path: Path, make: Callable[[Path], object], message: str
) -> None:
    path = tmp_path / "photo.jpg"
    make(path)
    with pytest.raises(PictureError, match=message) as caught:
        check_picture(path)
    assert str(path) in caught.value.message and caught.value.hint


def test_an_absent_file_is_answered_with_the_nearest_name(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").touch()
    with pytest.raises(PictureError) as caught:
        read_file(tmp_path / "photo.jpeg")
    assert caught.value.hint == str(tmp_path / "photo.jpg")


def test_a_name_that_no_file_can_have_is_refused() -> None:
    with pytest.raises(PictureError):
        read_file(Path("a\0b.png"))
