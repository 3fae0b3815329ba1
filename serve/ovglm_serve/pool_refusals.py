"""How the reasons why a model cannot be asked look on the wire."""

from fastapi import FastAPI, Request
from starlette.responses import Response

from ovglm_serve.errors import ApiError, error_response
from ovglm_serve.limits import QueueFull
from ovglm_serve.pool_errors import ModelDown, UnknownModel

__all__ = ["add_pool_handlers", "to_refusal"]


def add_pool_handlers(app: FastAPI) -> None:
    """Let the pool's errors leave with the status codes that OpenAI's clients expect."""
    for kind in (UnknownModel, ModelDown, QueueFull):
        app.add_exception_handler(kind, _on_refusal)


def to_refusal(error: UnknownModel | ModelDown | QueueFull) -> ApiError:
    """Translate one of the pool's errors."""
    text = f"{error.message} (try: {error.hint})" if error.hint else error.message
    if isinstance(error, UnknownModel):
        return ApiError(404, text, param="model", code="model_not_found")
    if isinstance(error, ModelDown):
        return ApiError(503, text, code="model_down")
    headers = {"retry-after": str(error.retry_after_s)}
    return ApiError(429, text, code="queue_full", headers=headers)


async def _on_refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, UnknownModel | ModelDown | QueueFull)
    return error_response(to_refusal(error))
