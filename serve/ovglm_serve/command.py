"""`ovglm serve`: one or several models behind OpenAI's API, until Ctrl-C or SIGTERM."""

import logging
import os
import sys
from argparse import ArgumentParser, Namespace
from contextlib import closing
from typing import TYPE_CHECKING

from ovglm.errors import OvglmError

if TYPE_CHECKING:
    import socket

    from ovglm.chosen_model import ChosenModel
    from ovglm_serve.pool import ModelPool
    from ovglm_serve.settings import Settings

__all__ = ["EXAMPLES", "HELP", "add_arguments", "run"]

HELP = "answer OpenAI's API and show a page to chat on, exporting models first where needed"

EXAMPLES = """\
  ovglm serve nano
  ovglm serve ./glm-edge-int4 --device NPU --context 4096
  ovglm serve ./glm-4-9b-int4 nano --keep-alive 600
  ovglm serve ./glm-edge-int4 --host 0.0.0.0 --api-key SECRET
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the options of `ovglm serve`."""
    from ovglm.cli.model_arguments import MODEL_HELP, add_offline_argument
    from ovglm.cli.runtime_arguments import add_runtime_arguments
    from ovglm_serve.server_arguments import add_server_arguments

    add = parser.add_argument
    add(
        "models",
        nargs="+",
        metavar="MODEL",
        help=f"{MODEL_HELP}; the first is loaded at once, others when they are first asked for",
    )
    add(
        "--weights",
        choices=("int4", "int8", "bf16"),
        help="the format to export to, where a model is not exported yet (default: int4)",
    )
    add_offline_argument(parser)
    add_server_arguments(parser)
    add_runtime_arguments(parser)


def run(options: Namespace) -> int:
    """Refuse early what can be refused, export, load and serve; leave with 0 when stopped."""
    from ovglm_serve.listening import open_socket
    from ovglm_serve.server_arguments import to_settings

    settings = to_settings(options, os.environ)
    chosen = _choose(options)
    open_socket(settings.host, settings.port).close()  # an export may take long: tell it before
    from ovglm_serve.pool import ModelPool
    from ovglm_serve.sources import to_sources

    models = ModelPool(to_sources(chosen, settings), settings)
    _warn(settings)
    _log_to_stderr()
    with closing(open_socket(settings.host, settings.port)) as sock:
        _serve(models, settings, sock)
    return 0


def _choose(options: Namespace) -> "list[ChosenModel]":
    from ovglm.cli.model_arguments import choose_model

    if options.draft and len(options.models) > 1:
        raise OvglmError(
            f"--draft {options.draft} cannot guess for {len(options.models)} models",
            hint=f"ovglm serve {options.models[0]} --draft {options.draft}",
        )
    return [choose_model(Namespace(**vars(options), model=name)) for name in options.models]


def _serve(models: "ModelPool", settings: "Settings", sock: "socket.socket") -> None:
    from ovglm_serve.app import create_app
    from ovglm_serve.listening import show_address
    from ovglm_serve.server import Server

    address = show_address(sock)
    app = create_app(models, settings)
    loading = f"loading {models.names[0]}; {address} answers when it is ready"
    server = Server(
        app,
        settings.drain_s,
        on_start=lambda: print(loading, file=sys.stderr),
        on_ready=lambda: _announce(models, address),
    )
    server.run([sock])
    if server.failure is not None:
        raise server.failure


def _announce(models: "ModelPool", address: str) -> None:
    """Print the one line that says where and how the server is used."""
    status = models.list()[0]
    where = f"{status.info.device} ({status.info.device_name}): " if status.info else ""
    reason = status.info.reason if status.info else ""
    print(
        f"ready: {address} (API at {address}/v1) · {status.name} on {where}{reason} · "
        "Ctrl-C stops it",
        flush=True,
    )


def _warn(settings: "Settings") -> None:
    if settings.has_no_auth and not settings.is_local:
        print(
            f"warning: --no-auth with --host {settings.host}: everybody who can reach this machine "
            "can use the models",
            file=sys.stderr,
        )


def _log_to_stderr() -> None:
    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.WARNING)
    logging.getLogger("ovglm_serve").setLevel(logging.INFO)
