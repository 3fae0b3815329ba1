"""GET /docs: the API's document as a page. FastAPI's own page would load scripts from elsewhere."""

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from starlette.responses import HTMLResponse

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;"
    "color-scheme:light dark}td,th{text-align:left;vertical-align:top;padding:.2rem 1rem .2rem 0}"
    "section{border-top:1px solid;margin-top:2rem}code{font-size:.9em}"
)
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"

Node = Mapping[str, Any]


@router.get("/docs")
async def show_document(request: Request) -> HTMLResponse:
    """Show all endpoints with the fields of their requests."""
    app: FastAPI = request.app
    return HTMLResponse(
        "".join(_write(app.openapi())), headers={"Content-Security-Policy": _POLICY}
    )


def _write(document: Node) -> Iterator[str]:
    info = document["info"]
    yield '<!doctype html><html lang="en"><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width">'
    yield f"<title>{escape(info['title'])}</title><style>{_STYLE}</style>"
    yield f"<h1>{escape(info['title'])} {escape(info['version'])}</h1>"
    yield f"<p>{escape(info.get('summary', ''))}</p>"
    yield '<p>For programs: <a href="/openapi.json">openapi.json</a></p>'
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"<section><h2><code>{method.upper()} {escape(path)}</code></h2>"
            yield f"<p>{escape(operation.get('description', ''))}</p>"
            body = _body_of(operation)
            if body is not None:
                yield from _write_fields(_resolve(body, document))
            yield from _write_replies(operation["responses"])
            yield "</section>"


def _body_of(operation: Node) -> Node | None:
    body = operation.get("requestBody")
    return body["content"]["application/json"]["schema"] if body else None


def _write_fields(schema: Node) -> Iterator[str]:
    yield "<table><tr><th>field<th>type<th>"
    required = schema.get("required", ())
    for name, field in schema.get("properties", {}).items():
        mark = " (required)" if name in required else ""
        yield f"<tr><td><code>{escape(name)}</code>{mark}<td>{escape(_type_of(field))}"
        yield f"<td>{escape(field.get('description', ''))}"
    yield "</table>"


def _write_replies(responses: Node) -> Iterator[str]:
    yield "<ul>"
    for status, response in responses.items():
        yield f"<li>{escape(str(status))}: {escape(response.get('description', ''))}"
    yield "</ul>"


def _resolve(schema: Node, document: Node) -> Node:
    """Follow a reference to a named schema."""
    if "$ref" not in schema:
        return schema
    return document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]


def _type_of(schema: Node) -> str:
    """Say in short what a field can be."""
    if "$ref" in schema:
        return schema["$ref"].rpartition("/")[2]
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        kinds = [_type_of(one) for one in choices if one.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    if "const" in schema or "enum" in schema:
        return ", ".join(map(repr, schema.get("enum", [schema.get("const")])))
    if schema.get("type") == "array":
        return f"list of {_type_of(schema.get('items', {}))}"
    return str(schema.get("type", "anything"))
