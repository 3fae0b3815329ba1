"""What the server can be told, and what it refuses to be told."""

from typing import Any

import pytest

from ovglm.errors import OvglmError
from ovglm_serve.settings import Settings, is_loopback


def test_the_defaults_are_local_and_need_no_key() -> None:
    settings = Settings()
    assert settings.host == "127.0.0.1"
    assert settings.is_local
    assert settings.api_key is None
    assert settings.cors_origins == ()
    assert not settings.log_prompts


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "[::1]", "localhost"])
def test_loopback_addresses_are_local(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org", "localhost.evil"])
def test_all_other_addresses_are_not_local(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "my-machine"])
def test_an_address_for_others_needs_a_key_or_an_explicit_no_auth(host: str) -> None:
    with pytest.raises(OvglmError, match="lets other machines in") as caught:
        Settings(host=host)
    assert "OVGLM_API_KEY" in (caught.value.hint or "")
    assert Settings(host=host, api_key="secret").host == host
    assert Settings(host=host, has_no_auth=True).host == host


def test_a_key_and_no_auth_contradict_each_other() -> None:
    with pytest.raises(OvglmError, match="contradict"):
        Settings(api_key="secret", has_no_auth=True)


@pytest.mark.parametrize("key", ["", "two words", "schlüssel", "line\nbreak"])
def test_a_key_that_no_header_can_carry_is_refused(key: str) -> None:
    with pytest.raises(OvglmError, match="printable ASCII") as caught:
        Settings(api_key=key)
    assert not key or key not in caught.value.message


def test_the_key_is_not_shown_with_the_settings() -> None:
    assert "hidden" not in repr(Settings(api_key="hidden"))


@pytest.mark.parametrize("origin", ["example.org", "https://example.org/page", "https://", "null"])
def test_what_is_no_origin_is_refused(origin: str) -> None:
    with pytest.raises(OvglmError, match="no origin"):
        Settings(cors_origins=(origin,))


@pytest.mark.parametrize(
    "origin", ["*", "https://chat.example.org", "http://localhost:3000", "app://x"]
)
def test_origins_of_pages_and_editors_are_taken(origin: str) -> None:
    assert Settings(cors_origins=(origin,)).cors_origins == (origin,)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"port": 70000}, "--port is 70000"),
        ({"port": -1}, "--port is -1"),
        ({"max_queue": 0}, "--max-queue is 0"),
        ({"max_body_bytes": 0}, "--max-body is 0"),
        ({"request_timeout_s": 0.0}, "--request-timeout is 0"),
        ({"request_timeout_s": float("nan")}, "--request-timeout is nan"),
        ({"drain_s": -1.0}, "--drain is -1"),
        ({"drain_s": float("inf")}, "--drain is inf"),
        ({"keep_alive_s": -0.5}, "--keep-alive is -0.5"),
    ],
)
def test_a_value_out_of_range_is_refused_by_name(setting: dict[str, Any], words: str) -> None:
    with pytest.raises(OvglmError, match=words):
        Settings(**setting)
