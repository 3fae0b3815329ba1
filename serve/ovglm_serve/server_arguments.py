"""The options of the server itself, and what they come to."""

from argparse import ArgumentParser, Namespace, _ArgumentGroup
from collections.abc import Mapping
from pathlib import Path

from ovglm_serve.settings import Settings

__all__ = ["KEY_VARIABLE", "add_server_arguments", "to_settings"]

KEY_VARIABLE = "OVGLM_API_KEY"


def add_server_arguments(parser: ArgumentParser) -> None:
    """Describe where the server listens, who may use it and how much it takes on."""
    _add_address(parser.add_argument_group("address"))
    _add_access(parser.add_argument_group("access"))
    _add_limits(parser.add_argument_group("limits"))


def to_settings(options: Namespace, environment: Mapping[str, str]) -> Settings:
    """Collect the options; the environment may hold the key."""
    return Settings(
        host=options.host,
        port=options.port,
        api_key=options.api_key or environment.get(KEY_VARIABLE) or None,
        has_no_auth=options.no_auth,
        cors_origins=tuple(options.cors_origin),
        allowed_hosts=tuple(options.allowed_host),
        max_queue=options.max_queue,
        request_timeout_s=options.request_timeout,
        max_body_bytes=options.max_body,
        drain_s=options.drain,
        keep_alive_s=options.keep_alive,
        log_prompts=options.log_prompts,
        image_root=options.image_root,
    )


def _add_address(group: _ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--host",
        default=Settings.host,
        metavar="ADDRESS",
        help="where to listen; anything but this machine's own 127.0.0.1 needs a key "
        "(default: %(default)s)",
    )
    add(
        "--port",
        type=int,
        default=Settings.port,
        metavar="N",
        help="0 takes a free one (default: %(default)s)",
    )


def _add_access(group: _ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--api-key",
        metavar="KEY",
        help=f"what clients must send as a bearer token; {KEY_VARIABLE} does the same and is not "
        "seen in the list of processes",
    )
    add("--no-auth", action="store_true", help="let everybody in who can reach the address")
    add(
        "--cors-origin",
        action="append",
        default=[],
        metavar="ORIGIN",
        help="let web pages of this origin call the API; * means all; may be repeated",
    )
    add(
        "--allowed-host",
        action="append",
        default=[],
        metavar="NAME",
        help="answer to this name too, such as a proxy's; * means any; may be repeated",
    )
    add(
        "--image-root",
        type=Path,
        metavar="DIR",
        help="let requests name pictures in this folder, by path or file: URL; without this the "
        "server reads no file that a request names",
    )
    add(
        "--log-prompts",
        action="store_true",
        help="write what users ask into the log; without this it is in no log",
    )


def _add_limits(group: _ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--max-queue",
        type=int,
        default=Settings.max_queue,
        metavar="N",
        help="requests to one model at a time, waiting and running; more are told to come again "
        "(default: %(default)s)",
    )
    add(
        "--request-timeout",
        type=float,
        default=Settings.request_timeout_s,
        metavar="SECONDS",
        help="end a request that takes longer (default: %(default)s)",
    )
    add(
        "--max-body",
        type=int,
        default=Settings.max_body_bytes,
        metavar="BYTES",
        help="refuse requests that are larger (default: %(default)s)",
    )
    add(
        "--keep-alive",
        type=float,
        metavar="SECONDS",
        help="unload a model that nobody has used for so long (default: never)",
    )
    add(
        "--drain",
        type=float,
        default=Settings.drain_s,
        metavar="SECONDS",
        help="when stopped, let open requests go on for so long (default: %(default)s)",
    )
