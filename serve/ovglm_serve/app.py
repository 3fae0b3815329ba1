"""The app: routes, errors and middleware put together. Knows no model."""

import time

from fastapi import FastAPI

import ovglm
from ovglm_serve.errors import add_error_handlers
from ovglm_serve.key_document import document_key
from ovglm_serve.lifetime import Lifetime
from ovglm_serve.middleware import add_middleware
from ovglm_serve.picture_reader import PictureReader
from ovglm_serve.pool import ModelPool
from ovglm_serve.pool_refusals import add_pool_handlers
from ovglm_serve.routes import chat, completions, docs, health, metrics, page, responses, tokens
from ovglm_serve.routes import models as model_routes
from ovglm_serve.settings import Settings

__all__ = ["create_app"]

_ROUTERS = (chat, completions, responses, model_routes, tokens, health, metrics, docs, page)


def create_app(models: ModelPool, settings: Settings) -> FastAPI:
    """Make the app that serves `models`; it loads and unloads them as it starts and ends."""
    app = FastAPI(
        title="ovglm",
        version=ovglm.__version__,
        summary="GLM on this machine's own hardware, with OpenAI's API",
        lifespan=models.lifespan,
        docs_url=None,
        redoc_url=None,
    )
    app.state.models = models
    app.state.settings = settings
    app.state.lifetime = Lifetime()
    app.state.pictures = PictureReader(settings.image_root)
    app.state.started = int(time.time())
    for module in _ROUTERS:
        app.include_router(module.router)
    add_error_handlers(app)
    add_pool_handlers(app)
    if settings.api_key is not None:
        document_key(app)
    add_middleware(app, settings, metrics=models.metrics, lifetime=app.state.lifetime)
    return app
