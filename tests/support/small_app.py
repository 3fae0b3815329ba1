"""An app with nothing but the server's own rim: middleware, health and metrics, and test routes."""

import asyncio
from collections.abc import AsyncGenerator

from fastapi import FastAPI, Request
from starlette.responses import PlainTextResponse, Response

from ovglm_serve.errors import add_error_handlers
from ovglm_serve.lifetime import Lifetime
from ovglm_serve.middleware import add_middleware
from ovglm_serve.pool import ModelPool
from ovglm_serve.pool_refusals import add_pool_handlers
from ovglm_serve.routes import health, metrics
from ovglm_serve.settings import Settings
from ovglm_serve.sse import EventStream
from pool_fakes import served

__all__ = ["small_app"]


def small_app(settings: Settings | None = None, models: ModelPool | None = None) -> FastAPI:
    """Make it. The routes: /v1/echo, /v1/wait, /v1/stream, /v1/bug, /v1/use/{name}."""
    settings = settings or Settings()
    app = FastAPI()
    app.state.models = models or ModelPool.of(served(), settings=settings)
    app.state.lifetime = Lifetime()
    app.state.cleaned = asyncio.Event()
    app.include_router(health.router)
    app.include_router(metrics.router)
    app.add_api_route("/v1/echo", _echo, methods=["POST"])
    app.add_api_route("/v1/wait", _wait, methods=["GET"])
    app.add_api_route("/v1/stream", _stream, methods=["GET"])
    app.add_api_route("/v1/bug", _bug, methods=["GET"])
    app.add_api_route("/v1/use/{name}", _use, methods=["GET"])
    app.add_api_route("/", _page, methods=["GET"])
    add_error_handlers(app)
    add_pool_handlers(app)
    add_middleware(app, settings, metrics=app.state.models.metrics, lifetime=app.state.lifetime)
    return app


async def _page() -> Response:
    return PlainTextResponse("the page")


async def _echo(request: Request) -> Response:
    return Response(await request.body())


async def _wait(request: Request) -> Response:
    """Never answer; clean up with an await, as real routes do."""
    try:
        await asyncio.Event().wait()
    finally:
        await asyncio.sleep(0)
        request.app.state.cleaned.set()
    return Response()


async def _stream(request: Request) -> Response:
    async def events() -> AsyncGenerator[bytes, None]:
        try:
            yield b"data: first\n\n"
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            request.app.state.cleaned.set()

    return EventStream(events())


async def _bug() -> Response:
    raise ZeroDivisionError("this is a bug")


async def _use(request: Request, name: str) -> Response:
    model = await request.app.state.models.get(name)
    return PlainTextResponse(model.name)
