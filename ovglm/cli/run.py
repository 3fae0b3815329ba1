"""`ovglm run`: one prompt, one answer. The answer goes to stdout, all else to stderr."""

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ovglm.cli.model_arguments import add_model_arguments, choose_model
from ovglm.cli.picture_arguments import add_image_argument, check_model, open_images, read_images
from ovglm.cli.sampling_arguments import add_sampling_arguments, to_sampling
from ovglm.errors import OvglmError
from ovglm.messages import Message, Sampling
from ovglm.utf8 import decode_utf8

if TYPE_CHECKING:
    from ovglm.assistant import Assistant, Reply
    from ovglm.cli.picture_arguments import GivenPicture
    from ovglm.pictures import Picture

__all__ = ["EXAMPLES", "HELP", "add_arguments", "run"]

HELP = "answer one prompt with a model, exporting it first where needed"

EXAMPLES = """\
  ovglm run nano "What is the capital of France?"
  ovglm run ./glm-edge-1.5b-chat "你好" --weights int8
  ovglm run ./glm-edge-int4 "Write a haiku" --temperature 0.8 --seed 1
  ovglm run ./glm-edge-int4 --device NPU --json < question.txt
  ovglm run glm-edge-v-2b "What is this?" --image photo.jpg
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
    add_image_argument(parser)
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

    images = open_images(options)
    chosen = choose_model(options)
    check_model(chosen.model, images)
    sampling = to_sampling(options, recommended_sampling(chosen.model.folder))
    _refuse_without_effect(options)
    prompt = _read_prompt(options)
    assistant = chosen.load()
    try:
        pictures = read_images(images, assistant.engine.info.vision)
        messages = _to_messages(options, prompt, pictures)
        if options.json:
            full = reply_in_full(assistant, messages, sampling)
            document = reply_to_json(assistant, full) | _name_pictures(images, pictures)
            print(json.dumps(document, ensure_ascii=False, indent=2))
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


def _read_prompt(options: Namespace) -> str:
    prompt = _read_stdin() if options.prompt == "-" else options.prompt
    if not prompt.strip():
        raise OvglmError("the prompt is empty", hint=f'ovglm run {options.model} "Hello"')
    return prompt


def _to_messages(options: Namespace, prompt: str, pictures: "tuple[Picture, ...]") -> list[Message]:
    system = [Message("system", options.system)] if options.system else []
    return [*system, Message("user", prompt, pictures=pictures)]


def _name_pictures(
    images: "Sequence[GivenPicture]", pictures: "Sequence[Picture]"
) -> dict[str, list[dict[str, object]]]:
    """Say which pictures were asked about; sizes in pixels, digests of what the model saw."""
    described = [
        {
            "file": str(image.path),
            "width": picture.size[0],
            "height": picture.size[1],
            "sha256": picture.digest,
        }
        for image, picture in zip(images, pictures, strict=True)
    ]
    return {"pictures": described} if described else {}


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
