"""What `ovglm serve` refuses before it loads anything, and what its options come to."""

import socket
from argparse import ArgumentParser, Namespace
from contextlib import closing
from pathlib import Path

import pytest

from ovglm.errors import OvglmError
from ovglm_serve import command
from ovglm_serve.listening import open_socket, show_address
from ovglm_serve.server_arguments import to_settings
from ovglm_serve.settings import Settings


def _parse(*arguments: str) -> Namespace:
    parser = ArgumentParser()
    command.add_arguments(parser)
    return parser.parse_args(arguments)


def test_without_options_the_settings_are_the_defaults() -> None:
    assert to_settings(_parse("nano"), {}) == Settings()


def test_every_option_reaches_its_setting() -> None:
    words = (
        "a b --host 0.0.0.0 --port 81 --api-key k --cors-origin http://x --cors-origin http://y "
        "--allowed-host one --allowed-host two --max-queue 3 --request-timeout 4.5 --max-body 6 "
        "--keep-alive 7 --drain 8 --log-prompts --device NPU --context 512 --weights int8"
    ).split()
    options = _parse(*words)
    assert to_settings(options, {}) == Settings(
        host="0.0.0.0", port=81, api_key="k", cors_origins=("http://x", "http://y"),
        allowed_hosts=("one", "two"), max_queue=3, request_timeout_s=4.5, max_body_bytes=6,
        keep_alive_s=7, drain_s=8, log_prompts=True,
    )  # fmt: skip
    assert options.models == ["a", "b"]
    assert (options.device, options.context, options.weights) == ("NPU", 512, "int8")


def test_the_key_can_come_from_the_environment_and_an_option_wins() -> None:
    environment = {"OVGLM_API_KEY": "from-environment"}
    assert to_settings(_parse("a"), environment).api_key == "from-environment"
    assert to_settings(_parse("a", "--api-key", "given"), environment).api_key == "given"
    assert to_settings(_parse("a"), {"OVGLM_API_KEY": ""}).api_key is None
    with pytest.raises(OvglmError, match="contradict"):
        to_settings(_parse("a", "--no-auth"), environment)


def test_an_address_for_others_without_a_key_is_refused_before_a_model_is_looked_for() -> None:
    with pytest.raises(OvglmError, match="there is no API key"):
        command.run(_parse("no-such-model", "--host", "0.0.0.0"))


def test_an_unknown_model_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OVGLM_API_KEY", raising=False)
    with pytest.raises(OvglmError, match="neither a folder here nor a name"):
        command.run(_parse("no-such-model"))


def test_a_draft_for_several_models_is_refused() -> None:
    with pytest.raises(OvglmError, match="cannot guess for 2 models"):
        command.run(_parse("nano", "nano", "--draft", "nano"))


def test_a_port_in_use_is_one_sentence_before_anything_is_exported(home: Path) -> None:
    with closing(open_socket("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OvglmError) as caught:
            command.run(_parse("nano", "--port", str(port)))
    assert caught.value.message == f"port {port} on 127.0.0.1 is in use by another program"
    assert caught.value.hint == f"--port {port + 1}"
    assert not (home / "exports").exists()


@pytest.mark.parametrize("host", ["no-such-host.invalid", "192.0.2.1"])
def test_an_address_that_is_not_ours_is_one_sentence(host: str) -> None:
    with pytest.raises(OvglmError, match="no address"):
        open_socket(host, 0)


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:"),
        ("0.0.0.0", "http://127.0.0.1:"),
        ("localhost", "http://127.0.0.1:"),
    ],
)
def test_the_address_is_shown_as_one_that_can_be_opened(host: str, url: str) -> None:
    with closing(open_socket(host, 0)) as sock:
        assert show_address(sock) == f"{url}{sock.getsockname()[1]}"


@pytest.mark.skipif(not socket.has_ipv6, reason="this system has no IPv6")
def test_an_ipv6_address_is_shown_in_brackets() -> None:
    try:
        sock = open_socket("::1", 0)
    except OvglmError:
        pytest.skip("this machine has no IPv6 address")
    with closing(sock):
        assert show_address(sock).startswith("http://[::1]:")


def test_a_warning_is_printed_where_everybody_is_let_in(
    capsys: pytest.CaptureFixture[str],
) -> None:
    command._warn(Settings(host="0.0.0.0", has_no_auth=True))
    assert "everybody who can reach this machine" in capsys.readouterr().err
    command._warn(Settings(has_no_auth=True))
    command._warn(Settings(host="0.0.0.0", api_key="k"))
    assert capsys.readouterr().err == ""
