"""Which kind of file some bytes are, as their first ones tell."""

__all__ = ["READ", "kind_of"]

# The kinds that are read, as Pillow calls them, and as people do.
READ = {"PNG": "PNG", "JPEG": "JPEG", "WEBP": "WebP", "GIF": "GIF"}
# Each as its specification has it; those of more than one place are below.
_STARTS = {
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",
    b"MM\0+": "TIFF",
    b"BM": "BMP",
    b"\0\0\1\0": "ICO",
    b"8BPS": "a Photoshop file",
    b"%PDF": "PDF",
    b"\xff\x0a": "JPEG XL",
    b"\0\0\0\x0cJXL \r\n\x87\n": "JPEG XL",
    b"\0\0\0\x0cjP  \r\n\x87\n": "JPEG 2000",
    b"\xff\x4f\xff\x51": "JPEG 2000",
}
# Of ISO's media files, whose bytes 4 to 8 are `ftyp`; other brands are films.
_BRANDS = {
    **dict.fromkeys((b"avif", b"avis"), "AVIF"),
    **dict.fromkeys(
        (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"), "HEIC"
    ),
}
_HEAD = 4096


def kind_of(raw: bytes) -> str | None:
    """Name the kind of a picture, of those that are not read too; None for what is not known."""
    if raw[:4] == b"RIFF" and raw[8:12] == b"WEBP":
        return "WebP"
    if raw[4:8] == b"ftyp":
        return _BRANDS.get(raw[8:12], "a film")
    if _is_svg(raw[:_HEAD].removeprefix(b"\xef\xbb\xbf").lstrip()):
        return "SVG"
    return next((kind for start, kind in _STARTS.items() if raw.startswith(start)), None)


def _is_svg(head: bytes) -> bool:
    return head.startswith((b"<svg", b"<?xml", b"<!--", b"<!DOCTYPE svg")) and b"<svg" in head
