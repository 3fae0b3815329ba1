"""GET /metrics: the figures, for Prometheus."""

from typing import Any

from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import Response

from ovglm_serve.pool import ModelPool
from ovglm_serve.routes.common import ERRORS

__all__ = ["router"]

router = APIRouter()


_SHOWN: dict[str, Any] = {"text/plain": {"schema": {"type": "string"}}}


@router.get("/metrics", response_class=Response, responses={200: {"content": _SHOWN}, **ERRORS})
async def tell_metrics(request: Request) -> Response:
    """Give the figures in Prometheus' text format."""
    models: ModelPool = request.app.state.models
    return Response(models.metrics.show(), media_type=CONTENT_TYPE_LATEST)
