"""The errors of the API: OpenAI's body, the status code, and whose fault it was. Knows no route."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ovglm.errors import OvglmError, RequestError
from ovglm_serve.schema.refusals import first_refusal
from ovglm_serve.sse import ClientGone

__all__ = [
    "ApiError",
    "add_error_handlers",
    "as_refusal",
    "error_body",
    "error_response",
    "to_api_error",
]

_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    429: "rate_limit_error",
}

# nginx's number, for the log: nobody gets this answer.
_CLIENT_LEFT = 499


class ApiError(Exception):
    """An error that the client gets as it stands; `param` is the field to blame."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.param = param
        self.code = code
        self.headers = headers

    @property
    def body(self) -> dict[str, Any]:
        """What the client reads."""
        return error_body(self.status, self.message, param=self.param, code=self.code)


def error_body(
    status: int, message: str, *, param: str | None = None, code: str | None = None
) -> dict[str, Any]:
    """Write an error as OpenAI does."""
    usual = "invalid_request_error" if status < 500 else "server_error"
    kind = _TYPES.get(status, usual)
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def error_response(error: ApiError) -> Response:
    """Make the response; half characters from the request come back as JSON escapes."""
    text = json.dumps(error.body, ensure_ascii=False)
    return Response(
        text.encode("utf-8", "backslashreplace"),
        error.status,
        error.headers,
        "application/json",
    )


@contextmanager
def as_refusal(param: str | None = None, code: str | None = None) -> Iterator[None]:
    """Blame the request for an OvglmError that is raised inside: 400."""
    try:
        yield
    except OvglmError as error:
        raise ApiError(400, _say(error), param=param, code=code) from error


def add_error_handlers(app: FastAPI) -> None:
    """Let every error leave as OpenAI's body; FastAPI's own 422 never does."""
    app.add_exception_handler(ApiError, _on_api_error)
    app.add_exception_handler(OvglmError, _on_ovglm_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(ClientGone, _on_client_gone)
    app.add_exception_handler(Exception, _on_bug)


def to_api_error(error: OvglmError) -> ApiError:
    """Blame the request where the error's class says so, else the server."""
    if isinstance(error, RequestError):
        return ApiError(400, _say(error), code="unsupported_value")
    return ApiError(500, _say(error), code="model_failed")


async def _on_api_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return error_response(error)


async def _on_ovglm_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, OvglmError)
    return error_response(to_api_error(error))


async def _on_invalid_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    param, message, code = first_refusal(error.errors(), error.body)
    return error_response(ApiError(400, message, param=param, code=code))


async def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    path, method = request.url.path, request.method
    told = {
        404: f"there is nothing at {path}; the API's document is at /docs",
        405: f"{path} does not take {method}",
    }
    is_told = error.detail == HTTPStatus(error.status_code).phrase
    message = told.get(error.status_code, error.detail) if is_told else error.detail
    return error_response(ApiError(error.status_code, message, headers=error.headers))


async def _on_client_gone(request: Request, error: Exception) -> Response:
    return Response(status_code=_CLIENT_LEFT)


async def _on_bug(request: Request, error: Exception) -> Response:
    return error_response(ApiError(500, "a bug in the server; its log has the traceback"))


def _say(error: OvglmError) -> str:
    return f"{error.message} (try: {error.hint})" if error.hint else error.message
