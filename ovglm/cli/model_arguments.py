"""The options that name a model, and what they choose."""

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ovglm.chosen_model import ChosenModel

__all__ = ["MODEL_HELP", "add_model_arguments", "add_offline_argument", "choose_model"]

MODEL_HELP = (
    "a name of `ovglm models` or `ovglm list`, a checkpoint or exported folder, or a hub's "
    "ORG/NAME; what is not here is pulled"
)


def add_model_arguments(parser: ArgumentParser) -> None:
    """Describe MODEL and the format it is exported to where it is not yet."""
    add = parser.add_argument
    add("model", metavar="MODEL", help=MODEL_HELP)
    add(
        "--weights",
        choices=("int4", "int8", "bf16"),
        help="the format to export to, where the model is not exported yet (default: int4)",
    )
    add_offline_argument(parser)


def add_offline_argument(parser: ArgumentParser) -> None:
    """Describe --offline, for a command that may pull a model."""
    parser.add_argument(
        "--offline",
        action="store_true",
        help="ask no hub: only what is on this machine; OVGLM_OFFLINE=1 or HF_HUB_OFFLINE=1 for "
        "all commands",
    )


def choose_model(options: Namespace, *, must_chat: bool = True) -> "ChosenModel":
    """Choose what the options name; refuse here all that needs no export to be refused."""
    from ovglm.chosen_model import choose
    from ovglm.cli.runtime_arguments import to_runtime_options

    return choose(
        options.model,
        to_runtime_options(options),
        device=options.device,
        weights=options.weights,
        draft=options.draft,
        must_chat=must_chat,
        offline=options.offline,
    )
