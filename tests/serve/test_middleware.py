"""Who gets to a route: keys, hosts, origins, sizes."""

import hmac
from typing import Any

import pytest

from asgi_calls import Call, call
from ovglm_serve.settings import Settings
from small_app import small_app

pytestmark = pytest.mark.anyio

KEYED = Settings(api_key="secret")
OPEN = Settings(host="0.0.0.0", has_no_auth=True)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def _echo(settings: Settings, headers: dict[str, str] | None = None, **more: Any) -> Call:
    app = small_app(settings)
    return await call(app, "/v1/echo", method="POST", headers=headers or {}, **more)


async def test_without_a_key_everybody_on_this_machine_is_let_in() -> None:
    assert (await _echo(Settings(), chunks=[b"hello"])).body == b"hello"


@pytest.mark.parametrize("given", ["Bearer secret", "bearer secret", "Bearer  secret"])
async def test_the_key_lets_in(given: str) -> None:
    assert (await _echo(KEYED, {"authorization": given})).status == 200


@pytest.mark.parametrize(
    "given", ["", "secret", "Basic secret", "Bearer", "Bearer secre", "Bearer secretly", "Bearer ÿ"]
)
async def test_anything_else_is_refused_with_401(given: str) -> None:
    reply = await _echo(KEYED, {"authorization": given} if given else {})
    assert reply.status == 401
    assert reply.error["code"] == "invalid_api_key"
    assert reply.error["type"] == "authentication_error"
    assert reply.reply_headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("path", ["/v1/echo", "/metrics", "/v1/nothing", "/anything"])
async def test_a_key_guards_every_path_that_is_not_named_as_open(path: str) -> None:
    assert (await call(small_app(KEYED), path)).status == 401


@pytest.mark.parametrize(
    ("path", "status"), [("/", 200), ("/health", 200), ("/openapi.json", 200), ("/page/x", 404)]
)
async def test_the_page_and_the_health_need_no_key(path: str, status: int) -> None:
    assert (await call(small_app(KEYED), path)).status == status


@pytest.mark.parametrize("path", ["//v1/echo", "/page", "/page/../v1/echo", "/health/", "/HEALTH"])
async def test_no_spelling_of_a_path_leads_around_the_key(path: str) -> None:
    assert (await call(small_app(KEYED), path)).status in (401, 404)


async def test_keys_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []
    compare = hmac.compare_digest

    def watched(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return compare(one, other)

    monkeypatch.setattr(hmac, "compare_digest", watched)
    await _echo(KEYED, {"authorization": "Bearer s"})
    assert [len(one) for one in compared[0]] == [32, 32]


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8000", "localhost", "LOCALHOST:99", "[::1]:8000", "127.0.0.2"]
)
async def test_names_of_this_machine_are_answered(host: str) -> None:
    assert (await _echo(Settings(), {"host": host})).status == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "localhost.evil.example", "192.168.1.5", "", "[x"]
)
async def test_a_foreign_host_header_is_refused(host: str) -> None:
    reply = await _echo(Settings(), {"host": host})
    assert reply.status == 403
    assert reply.error["code"] == "host_not_allowed"
    assert "--allowed-host" in reply.error["message"]


async def test_a_host_that_was_allowed_is_answered() -> None:
    settings = Settings(allowed_hosts=("Chat.example.org",))
    assert (await _echo(settings, {"host": "chat.example.org:443"})).status == 200
    assert (await _echo(Settings(allowed_hosts=("*",)), {"host": "any.thing"})).status == 200


async def test_beyond_loopback_addresses_are_answered_and_foreign_names_are_not() -> None:
    assert (await _echo(OPEN, {"host": "192.168.1.5:8000"})).status == 200
    assert (await _echo(OPEN, {"host": "[fe80::1]:8000"})).status == 200
    assert (await _echo(OPEN, {"host": "evil.example"})).status == 403


async def test_a_page_of_another_origin_is_refused_and_gets_no_cors_headers() -> None:
    for origin in ("https://evil.example", "null", "http://127.0.0.1:9999", "http://[bad"):
        reply = await _echo(Settings(), {"origin": origin})
        assert reply.status == 403, origin
        assert reply.error["code"] == "origin_not_allowed"
        assert "access-control-allow-origin" not in reply.reply_headers


async def test_our_own_page_may_ask() -> None:
    assert (await _echo(Settings(), {"origin": "http://127.0.0.1:8000"})).status == 200


async def test_an_origin_that_was_allowed_gets_cors_headers_also_before_it_has_a_key() -> None:
    settings = Settings(api_key="secret", cors_origins=("https://chat.example.org",))
    origin = {"origin": "https://chat.example.org"}
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "x-any"}
    preflight = await call(
        small_app(settings), "/v1/echo", method="OPTIONS", headers={**origin, **asked}
    )
    assert preflight.status == 200
    assert preflight.reply_headers["access-control-allow-origin"] == "https://chat.example.org"
    refused = await _echo(settings, origin)
    assert refused.status == 401
    assert refused.reply_headers["access-control-allow-origin"] == "https://chat.example.org"
    assert (await _echo(settings, {"origin": "https://evil.example"})).status == 403


async def test_without_cors_origin_no_preflight_succeeds() -> None:
    headers = {"origin": "https://evil.example", "access-control-request-method": "POST"}
    reply = await call(small_app(), "/v1/echo", method="OPTIONS", headers=headers)
    assert reply.status == 403
    assert "access-control-allow-origin" not in reply.reply_headers


LIMITED = Settings(max_body_bytes=10)


@pytest.mark.parametrize("chunks", [[b"x" * 10], [b"x" * 5, b"x" * 5], [b""]])
async def test_a_body_up_to_the_limit_is_read(chunks: list[bytes]) -> None:
    assert (await _echo(LIMITED, chunks=chunks)).body == b"".join(chunks)


@pytest.mark.parametrize("length", ["11", "99999999999999999999999999999999"])
async def test_a_body_that_is_told_to_be_too_large_is_refused_before_it_is_read(
    length: str,
) -> None:
    one = Call("/v1/echo", "POST", {"content-length": length}, chunks=[b"x"])
    await one.run(small_app(LIMITED))
    assert one.unread == 1
    assert one.status == 413
    assert one.error["message"].startswith("the body is larger than 10 bytes")
    assert "--max-body" in one.error["message"]
    assert one.error["code"] == "body_too_large"
    assert one.reply_headers["connection"] == "close"


async def test_a_body_that_grows_too_large_is_refused_in_the_middle() -> None:
    reply = await _echo(LIMITED, chunks=[b"x" * 6] * 1000)
    assert reply.status == 413
    assert reply.is_complete


async def test_a_length_that_lies_does_not_help() -> None:
    assert (await _echo(LIMITED, {"content-length": "1"}, chunks=[b"x" * 11])).status == 413
    assert (await _echo(LIMITED, {"content-length": "lie"}, chunks=[b"x" * 11])).status == 413


async def test_who_has_no_key_cannot_make_the_server_read_a_body() -> None:
    one = Call("/v1/echo", "POST", chunks=[b"x"] * 5)
    await one.run(small_app(KEYED))
    assert one.status == 401
    assert one.unread == 5
