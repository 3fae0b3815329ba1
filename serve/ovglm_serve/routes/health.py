"""GET /health: whether requests are answered. Needs no key and names no reason."""

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from ovglm_serve.lifetime import Lifetime
from ovglm_serve.pool import ModelPool
from ovglm_serve.routes.common import ERRORS
from ovglm_serve.schema.replies import Health

__all__ = ["router"]

router = APIRouter()


_NOT_READY = {"model": Health, "description": "loading, restarting, down or stopping"}


@router.get("/health", responses={200: {"model": Health}, 503: _NOT_READY, **ERRORS})
async def tell_health(request: Request) -> JSONResponse:
    """Answer 200 when requests are answered, else 503 with the state."""
    models: ModelPool = request.app.state.models
    lifetime: Lifetime = request.app.state.lifetime
    state = "stopping" if lifetime.is_stopping else models.state
    content = {"status": state, "models": {one.name: one.state for one in models.list()}}
    return JSONResponse(content, 200 if state == "ready" else 503)
