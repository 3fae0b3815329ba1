"""What every request passes on its way to a route. All of it is plain ASGI: the usual helper
class for middleware would break streams and hide that a client has left.
"""

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from ovglm_serve.lifetime import Lifetime
from ovglm_serve.metrics import Metrics
from ovglm_serve.middleware.access import AccessMiddleware
from ovglm_serve.middleware.bodies import BodyMiddleware
from ovglm_serve.middleware.deadlines import DeadlineMiddleware
from ovglm_serve.middleware.hosts import HostMiddleware, HostRule
from ovglm_serve.middleware.keys import KeyMiddleware
from ovglm_serve.middleware.origins import OriginMiddleware
from ovglm_serve.settings import Settings

__all__ = ["add_middleware"]


def add_middleware(
    app: FastAPI, settings: Settings, *, metrics: Metrics, lifetime: Lifetime
) -> None:
    """Put all of it around the routes; the last that is added meets a request first."""
    app.add_middleware(DeadlineMiddleware, lifetime=lifetime, timeout_s=settings.request_timeout_s)
    app.add_middleware(BodyMiddleware, most=settings.max_body_bytes)
    if settings.api_key is not None:
        app.add_middleware(KeyMiddleware, key=settings.api_key)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=("GET", "POST"),
            allow_headers=("*",),
            expose_headers=("x-request-id", "retry-after"),
        )
    app.add_middleware(OriginMiddleware, allowed=settings.cors_origins)
    app.add_middleware(HostMiddleware, rule=HostRule(settings))
    app.add_middleware(AccessMiddleware, metrics=metrics)
