"""`ovglm chat`: a conversation on the terminal, or line by line in a pipe."""

import sys
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from ovglm.cli.model_arguments import add_model_arguments, choose_model
from ovglm.cli.sampling_arguments import add_sampling_arguments, to_sampling

if TYPE_CHECKING:
    from ovglm.chat.session import Session

__all__ = ["EXAMPLES", "HELP", "add_arguments", "run"]

HELP = "talk with a model on the terminal"

EXAMPLES = """\
  ovglm chat nano
  ovglm chat ./glm-edge-int4 --device GPU --system "Answer in one sentence."
  ovglm chat glm-edge-v-2b              and there: /image photo.jpg
  ovglm chat nano < questions.txt > answers.txt
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the options of `ovglm chat`."""
    from ovglm.cli.runtime_arguments import add_runtime_arguments

    add_model_arguments(parser)
    parser.add_argument(
        "--system", default="", metavar="TEXT", help="an instruction that stands before all"
    )
    add_runtime_arguments(parser)
    add_sampling_arguments(parser)


def run(options: Namespace) -> int:
    """Load and talk; colours and editing only where a person types and reads."""
    from ovglm.chat.session import Session
    from ovglm.sampling import recommended_sampling

    chosen = choose_model(options)
    sampling = to_sampling(options, recommended_sampling(chosen.model.folder))
    session = Session(chosen.load, sampling, options.system, check_device=chosen.check_device)
    try:
        if sys.stdin.isatty() and sys.stdout.isatty():
            _talk_on_terminal(session)
        else:
            _talk_in_pipe(session)
    finally:
        session.close()
    return 0


def _talk_on_terminal(session: "Session") -> None:
    from rich.console import Console

    from ovglm.chat.loop import converse
    from ovglm.chat.prompt import PromptReader
    from ovglm.chat.terminal import TerminalScreen
    from ovglm.store import home_folder

    screen = TerminalScreen(Console(highlight=False))
    screen.welcome(session.assistant.engine.info)
    reader = PromptReader(home_folder() / "chat_history", session.status, screen.note)
    converse(session, reader, screen)


def _talk_in_pipe(session: "Session") -> None:
    from ovglm.chat.loop import converse
    from ovglm.chat.plain import PlainReader, PlainScreen

    converse(session, PlainReader(sys.stdin.buffer), PlainScreen(sys.stdout, sys.stderr))
