"""The words that begin with a slash: what each one does to a session. Prints nothing."""

import re
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from time import strftime

from ovglm.chat.conversation import Conversation
from ovglm.chat.saved import list_saved, load_conversation, save_conversation, saved_path
from ovglm.chat.session import Session
from ovglm.errors import OvglmError
from ovglm.messages import Message
from ovglm.pictures import Picture

__all__ = ["COMMANDS", "Command", "Outcome", "is_command", "run_command"]

KEYS = (
    ("Alt-Enter", "a new line; so does a backslash at the end of a line"),
    ("Up, Down", "what was typed before, in earlier sessions too"),
    ("Ctrl-C", "stops the answer; at the prompt it clears the line"),
    ("Ctrl-D", "leaves, as /exit does"),
)

CACHE_TEXTS = {
    "off": "compiled models are not kept",
    "cold": "compiled and kept for the next time",
    "warm": "from the compiled model on disk",
}


@dataclass(frozen=True)
class Outcome:
    """What a command wants shown: a text, a remark, an answer to stream, the end of the chat."""

    text: str = ""
    note: str = ""
    answer: Generator[str, None, None] | None = None
    is_end: bool = False


@dataclass(frozen=True)
class Command:
    """How a command is written, what it does in a few words, and the doing."""

    usage: str
    summary: str
    run: Callable[[Session, str], Outcome]


def is_command(text: str) -> bool:
    """Say whether a message is meant as a command; `/etc/hosts` is not."""
    return re.fullmatch(r"/[a-z]*(\s.*)?", text.strip(), re.DOTALL | re.IGNORECASE) is not None


def run_command(session: Session, text: str) -> Outcome:
    """Run the command that `text` begins with; raise OvglmError where there is none."""
    name, _, argument = text.strip().partition(" ")
    name = name[1:].lower()
    if name not in COMMANDS:
        near = get_close_matches(name, COMMANDS, n=1)
        raise OvglmError(f"there is no command /{name}", hint=f"/{near[0] if near else 'help'}")
    return COMMANDS[name].run(session, argument.strip())


def _help(_session: Session, _argument: str) -> Outcome:
    rows = [*((one.usage, one.summary) for one in COMMANDS.values()), *KEYS]
    width = max(len(left) for left, _ in rows)
    return Outcome("\n".join(f"  {left:<{width}}  {right}" for left, right in rows))


def _system(session: Session, argument: str) -> Outcome:
    if not argument:
        system = session.conversation.system
        return Outcome(f"the system instruction: {system}" if system else "there is none")
    system = "" if argument == "-" else argument
    session.conversation = replace(session.conversation, system=system)
    return Outcome("it holds from the next answer on" if system else "there is none any more")


def _reset(session: Session, _argument: str) -> Outcome:
    session.start(Conversation(session.conversation.system))
    kept = "; the system instruction stays" if session.conversation.system else ""
    return Outcome(f"a new conversation{kept}")


def _image(session: Session, argument: str) -> Outcome:
    if not argument:
        return Outcome(_waiting(session.attached))
    if argument == "-":
        session.attached = ()
        return Outcome(_waiting(session.attached))
    path = _to_path(argument)
    picture = session.attach(path)
    return Outcome(f"{path.name}, {_size(picture)}: ask about it")


def _to_path(typed: str) -> Path:
    """Read a path as terminals paste it: in quotes, or with a backslash before a space."""
    if len(typed) > 2 and typed[0] == typed[-1] and typed[0] in "'\"":
        typed = typed[1:-1]
    path = Path(typed).expanduser()
    plain = Path(re.sub(r"\\(.)", r"\1", typed)).expanduser()
    return path if path.exists() or not plain.exists() else plain


def _waiting(pictures: tuple[Picture, ...]) -> str:
    if not pictures:
        return "no picture goes with the next question; /image FILE adds one"
    return f"with the next question: {', '.join(map(_size, pictures))}"


def _size(picture: Picture) -> str:
    width, height = picture.size
    return f"a picture of {width} x {height}"


def _undo(session: Session, _argument: str) -> Outcome:
    return Outcome(f"taken back: {_shown(session.undo())}")


def _shown(turn: Message) -> str:
    """Write a turn in one piece, its pictures in brackets."""
    return " ".join([*(f"[{_size(one)}]" for one in turn.pictures), turn.content])


def _save(session: Session, argument: str) -> Outcome:
    if not session.conversation.turns:
        raise OvglmError("there is nothing to save yet", hint="ask something")
    path = saved_path(argument or strftime("%Y-%m-%d_%H%M%S"))
    info = session.assistant.engine.info
    save_conversation(path, session.conversation, info.model, info.vision)
    return Outcome(f"saved as {path}")


def _load(session: Session, argument: str) -> Outcome:
    if not argument:
        names = list_saved()
        return Outcome("\n".join(f"  {name}" for name in names) or "nothing is saved yet")
    conversation = load_conversation(saved_path(argument), session.vision)
    session.start(conversation)
    turns = [f"{'>' if turn.role == 'user' else ' '} {_shown(turn)}" for turn in conversation.turns]
    return Outcome("\n".join([*turns[-2:], f"({len(turns)} turns; the last ones are above)"]))


def _retry(session: Session, _argument: str) -> Outcome:
    answer = session.retry()
    if session.sampling.is_greedy:
        note = "at temperature 0 the answer stays the same; /temperature 0.8 makes it vary"
        return Outcome(note=note, answer=answer)
    return Outcome(answer=answer)


def _temperature(session: Session, argument: str) -> Outcome:
    if argument:
        try:
            temperature = float(argument)
        except ValueError:
            raise OvglmError(f"{argument!r} is no number", hint="/temperature 0.8") from None
        session.sampling = replace(session.sampling, temperature=temperature)
    return Outcome(f"the temperature is {session.sampling.temperature:g}")


def _stats(session: Session, _argument: str) -> Outcome:
    totals, info = session.totals, session.assistant.engine.info
    lines = [f"context   {session.context_used:,} of {info.context:,} tokens"]
    if usage := session.usage:
        speed = f", {usage.tokens_per_s:.1f} tokens/s" if usage.tokens_per_s else ""
        lines.append(
            f"last      prompt {usage.prompt_tokens:,} tokens, answer {usage.reply_tokens:,} "
            f"tokens, first token {usage.first_token_s * 1000:.0f} ms{speed}"
        )
    lines.append(
        f"session   {totals.answers} answer{'s' * (totals.answers != 1)}, "
        f"{totals.reply_tokens:,} tokens "
        f"in {totals.seconds:.1f} s"
    )
    return Outcome("\n".join(lines))


def _device(session: Session, argument: str) -> Outcome:
    if argument:
        session.move(argument)
    info = session.assistant.engine.info
    emulated = ", emulated by the CPU" if info.is_emulated else ""
    lines = [
        f"{info.device}: {info.device_name}{emulated}",
        f"why: {info.reason}",
        f"loaded in {info.load_s:.1f} s, {CACHE_TEXTS[info.cache]}",
        *info.notes,
    ]
    return Outcome("\n".join(lines))


def _exit(_session: Session, _argument: str) -> Outcome:
    return Outcome(is_end=True)


COMMANDS = {
    "help": Command("/help", "these lines", _help),
    "system": Command("/system [TEXT]", "show or set the instruction; - removes it", _system),
    "reset": Command("/reset", "forget the conversation and start a new one", _reset),
    "save": Command("/save [NAME|FILE]", "keep the conversation as JSON", _save),
    "load": Command("/load [NAME|FILE]", "go on with a saved one; without a name, list", _load),
    "retry": Command("/retry", "answer the last question once more", _retry),
    "undo": Command("/undo", "take back the last question and its answer", _undo),
    "image": Command("/image [FILE]", "ask about a picture next; - takes it away", _image),
    "temperature": Command("/temperature [T]", "show or set how freely it answers", _temperature),
    "stats": Command("/stats", "speed, and how full the context is", _stats),
    "device": Command("/device [NAME]", "show where the model runs, or move it there", _device),
    "exit": Command("/exit", "leave", _exit),
}
