"""The API key in the API's document, for clients that are made from it."""

from typing import Any

from fastapi import FastAPI

from ovglm_serve.middleware.keys import is_open

__all__ = ["document_key"]

_NAME = "apiKey"
_SCHEME = {"type": "http", "scheme": "bearer", "description": "The key of ovglm serve --api-key."}


def document_key(app: FastAPI) -> None:
    """Let the document of `app` say that the key is asked for, and where it is not."""
    document = app.openapi

    def document_with_key() -> dict[str, Any]:
        whole = document()
        whole.setdefault("components", {})["securitySchemes"] = {_NAME: _SCHEME}
        whole["security"] = [{_NAME: []}]
        for path, operations in whole["paths"].items():
            if is_open(path):
                for operation in operations.values():
                    operation["security"] = []
        return whole

    app.openapi = document_with_key
