"""GET / and the files of the page: static, from this package, and nothing else. Knows no model."""

import hashlib
from pathlib import Path

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

__all__ = ["POLICY", "WEB", "router"]

WEB = Path(__file__).resolve().parents[1] / "web"

# Everything comes from this server, no script is written in HTML, and no HTML is made from text
# but by the sanitizer's own policy.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self' data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types dompurify",
    )
)

# Not from the system's table, which on Windows may call a script plain text.
_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
}

router = APIRouter(include_in_schema=False)


@router.api_route("/", methods=["GET", "HEAD"])
def show_page(request: Request) -> Response:
    """Give the page."""
    return _answer(request, WEB / "index.html")


@router.api_route("/page/{name:path}", methods=["GET", "HEAD"])
def show_file(name: str, request: Request) -> Response:
    """Give one of the page's files."""
    file = _list_files().get(name)
    if file is None:
        raise HTTPException(404, f"the page has no file {name!r}")
    return _answer(request, file)


def _list_files() -> dict[str, Path]:
    """List what may be given; a name from outside is looked up here and never opened."""
    files = (file for file in WEB.rglob("*") if file.suffix in _TYPES)
    return {file.relative_to(WEB).as_posix(): file for file in files}


def _answer(request: Request, file: Path) -> Response:
    """Give a file, or only say that the browser has it already."""
    body = file.read_bytes()
    tag = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
    headers = {
        # Kept, but asked about each time: after an upgrade no old script meets a new page.
        "Cache-Control": "no-cache",
        "ETag": tag,
        "Content-Security-Policy": POLICY,
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    known = request.headers.get("if-none-match", "").split(",")
    if tag in (one.strip().removeprefix("W/") for one in known):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=_TYPES[file.suffix])
