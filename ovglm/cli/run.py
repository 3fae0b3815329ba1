"""`ovglm run`: one prompt, one answer. The answer goes to stdout, all else to stderr."""

import json
import sys
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from ovglm.cli.model_arguments import add_model_arguments, choose_model
from ovglm.cli.sampling_arguments import add_sampling_arguments, to_sampling
from ovglm.errors import OvglmError
from ovglm.messages import Message, Sampling
from ovglm.utf8 import decode_utf8

if TYPE_CHECKING:
    from ovglm.assistant import Assistant, Reply

__all__ = ["EXAMPLES", "HELP", "add_arguments", "run"]

HELP = "answer one prompt with a model, exporting it first where needed"

EXAMPLES = """\
  ovglm run nano "What is the capital of France?"
  ovglm run ./glm-edge-1.5b-chat "你好" --weights int8
  ovglm run ./glm-edge-int4 "Write a haiku" --temperature 0.8 --seed 1
  ovglm run ./glm-edge-int4 --device NPU --json < question.txt
"""

JSON_ONLY = (("n", "--n"), ("logprobs", "--logprobs"))


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the options of `ovglm run`."""
    from ovglm.cli.runtime_arguments import add_runtime_arguments

    add_model_arguments(parser)
    add = parser.add_argument
    add(
        "prompt",
        nargs="?",
        default="-",
        metavar="PROMPT",
        help="what to ask; without it, or as -, it is read from stdin",
    )
    add("--system", metavar="TEXT", help="an instruction that stands before the prompt")
    add("--json", action="store_true", help="print one JSON object at the end")
    add_runtime_arguments(parser)
    add_sampling_arguments(parser)
    group = parser.add_argument_group("with --json")
    group.add_argument("--n", type=int, metavar="N", help="answer N times (1 to 16)")
    group.add_argument(
        "--logprobs",
        action="store_const",
        const=True,
        help="tell the log-probability of each token of the answer",
    )


def run(options: Namespace) -> int:
    """Export where needed, load, answer. All that can be refused is refused before the export."""
    from ovglm.answers import reply_in_full
    from ovglm.cli.reply_json import reply_to_json
    from ovglm.sampling import recommended_sampling

    chosen = choose_model(options)
    sampling = to_sampling(options, recommended_sampling(chosen.model.folder))
    _refuse_without_effect(options)
    messages = _to_messages(options)
    assistant = chosen.load()
    try:
        if options.json:
            full = reply_in_full(assistant, messages, sampling)
            print(json.dumps(reply_to_json(assistant, full), ensure_ascii=False, indent=2))
        else:
            _print_answer(assistant, messages, sampling)
    finally:
        assistant.engine.close()
    return 0


def _refuse_without_effect(options: Namespace) -> None:
    for name, flag in JSON_ONLY:
        value = getattr(options, name)
        if value and not options.json:
            wanted = flag if value is True else f"{flag} {value}"
            raise OvglmError(f"{flag} has no effect without --json", hint=f"{wanted} --json")


def _to_messages(options: Namespace) -> list[Message]:
    prompt = _read_stdin() if options.prompt == "-" else options.prompt
    if not prompt.strip():
        raise OvglmError("the prompt is empty", hint=f'ovglm run {options.model} "Hello"')
    system = [Message("system", options.system)] if options.system else []
    return [*system, Message("user", prompt)]


def _read_stdin() -> str:
    if sys.stdin.isatty():
        end = "Ctrl-Z and Enter" if sys.platform == "win32" else "Ctrl-D"
        print(f"type the prompt, then {end}", file=sys.stderr)
    return decode_utf8(sys.stdin.buffer.read()).rstrip("\r\n")


def _print_answer(assistant: "Assistant", messages: list[Message], sampling: Sampling) -> None:
    reply = assistant.reply(messages, sampling)
    try:
        for piece in reply:
            print(piece, end="", flush=True)
    finally:
        print(flush=True)
    print(_figures(reply, assistant.engine.info.device), file=sys.stderr)


def _figures(reply: "Reply", device: str) -> str:
    usage = reply.usage
    if usage is None:
        raise ValueError("an unfinished reply has no figures")
    speed = usage.tokens_per_s
    parts = [
        f"prompt {usage.prompt_tokens} tokens",
        f"answer {usage.reply_tokens} tokens",
        f"first token {usage.first_token_s * 1000:.0f} ms",
        *([f"{speed:.1f} tokens/s"] if speed else []),
        device,
        *(["cut at the token limit"] if reply.finish_reason == "length" else []),
    ]
    return " · ".join(parts)
