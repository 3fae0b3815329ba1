"""GET /v1/models and /v1/models/{id}."""

from fastapi import APIRouter, Request, Response

from ovglm_serve.routes.common import ERRORS, pool_of
from ovglm_serve.schema.replies import ModelCard, ModelCards
from ovglm_serve.sse import JsonReply
from ovglm_serve.translate.models import to_card

__all__ = ["router"]

router = APIRouter()


@router.get("/v1/models", responses={200: {"model": ModelCards}, **ERRORS})
async def list_models(request: Request) -> Response:
    """List the models, loaded or not."""
    started = request.app.state.started
    cards = [to_card(status, started) for status in pool_of(request).list()]
    return JsonReply(ModelCards(object="list", data=cards))


@router.get("/v1/models/{name:path}", responses={200: {"model": ModelCard}, **ERRORS})
async def show_model(name: str, request: Request) -> Response:
    """Tell of one model."""
    return JsonReply(to_card(pool_of(request).status(name), request.app.state.started))
