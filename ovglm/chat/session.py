"""A conversation with a loaded model: asking, retrying, counting. Knows no terminal."""

from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ovglm.chat.conversation import Conversation
from ovglm.errors import OvglmError, RequestError
from ovglm.messages import FinishReason, Message, Sampling, Usage
from ovglm.pictures import Picture, read_picture
from ovglm.vision_facts import VisionFacts

if TYPE_CHECKING:
    from ovglm.assistant import Assistant, Reply

__all__ = ["Session", "Totals"]


@dataclass(frozen=True)
class Totals:
    """What all answers of a session took together."""

    answers: int = 0
    prompt_tokens: int = 0
    reply_tokens: int = 0
    seconds: float = 0.0

    def add(self, usage: Usage) -> "Totals":
        """Count one more answer."""
        return Totals(
            self.answers + 1,
            self.prompt_tokens + usage.prompt_tokens,
            self.reply_tokens + usage.reply_tokens,
            self.seconds + usage.total_s,
        )


class Session:
    """One conversation at a time, on one model that can be loaded again onto another device.

    usage, finish_reason: of the last answer, None before it. context_used: tokens of the
    conversation as the last answer left it. attached: pictures that go with the next question.
    """

    def __init__(
        self,
        load: "Callable[[str | None], Assistant]",
        sampling: Sampling,
        system: str = "",
        *,
        check_device: Callable[[str], None] = lambda _: None,
    ) -> None:
        """load: loads the model onto the device of that name, None for the one first asked for.

        check_device: refuses a device that no model could run on.
        """
        self._load = load
        self._check_device = check_device
        self.assistant = load(None)
        self.sampling = sampling
        self.conversation = Conversation(system)
        self.usage: Usage | None = None
        self.finish_reason: FinishReason | None = None
        self.totals = Totals()
        self.context_used = 0
        self.attached: tuple[Picture, ...] = ()
        self._attempts = 0

    @property
    def vision(self) -> VisionFacts | None:
        """What the model says of its pictures; None where it reads text alone."""
        return self.assistant.engine.info.vision

    def attach(self, path: Path) -> Picture:
        """Read a picture that goes with the next question.

        Raises RequestError: not readable, one too many, or a model that takes none.
        """
        facts, name = self.vision, self.assistant.engine.info.model
        if facts is None:
            raise RequestError(f"{name} reads text alone", hint="ovglm models")
        count = len(self.conversation.pictures) + len(self.attached)
        if count >= facts.most_pictures:
            mend = "/image -, which takes it away" if self.attached else "/reset, or /undo"
            plural = "s" * (facts.most_pictures != 1)
            raise RequestError(
                f"{name} takes {facts.most_pictures} picture{plural} in a conversation, and this "
                f"one has {count}",
                hint=mend,
            )
        picture = read_picture(path, facts)
        self.attached = (*self.attached, picture)
        return picture

    def ask(self, text: str) -> Generator[str, None, None]:
        """Yield the answer in pieces; what came before an interruption stays in the conversation.

        Raises OvglmError where the conversation is too long or the engine fails; it then stays
        as it was.
        """
        return self._answer(self.conversation.ask(text, self.attached), self.sampling)

    def retry(self) -> Generator[str, None, None]:
        """Answer the last question once more; raises OvglmError where nothing was asked."""
        parts = self.conversation.split_last()
        if parts is None:
            raise OvglmError("nothing was asked yet", hint="ask something")
        self._attempts += 1
        before, question = parts
        asked = before.ask(question.content, question.pictures)
        seed = self.sampling.seed
        new_seed = None if seed is None else seed + self._attempts
        return self._answer(asked, replace(self.sampling, seed=new_seed))

    def undo(self) -> Message:
        """Take back the last question and its answer; raises OvglmError where there is none."""
        parts = self.conversation.split_last()
        if parts is None:
            raise OvglmError("nothing was asked yet", hint="ask something")
        self.conversation, question = parts
        messages = self.conversation.messages
        engine = self.assistant.engine
        self.context_used = self.assistant.prompt(messages).count(engine) if messages else 0
        return question

    def start(self, conversation: Conversation) -> None:
        """Go on with another conversation, an empty one too."""
        self.conversation = conversation
        self.attached = ()
        self.usage = self.finish_reason = None
        self.context_used = 0

    def move(self, device: str) -> None:
        """Load the model onto another device; the old one takes over again where that fails."""
        self._check_device(device)
        before = self.assistant.engine.info.device
        self.assistant.engine.close()  # first, for two loaded models may not fit
        try:
            self.assistant = self._load(device)
        except OvglmError:
            self.assistant = self._load(before)
            raise

    def status(self) -> str:
        """Say in a few words who answers and how full the context is."""
        info = self.assistant.engine.info
        speed = self.usage.tokens_per_s if self.usage else None
        parts = [info.model, info.device, f"{self.context_used:,} of {info.context:,} tokens"]
        waiting = len(self.attached)
        return " · ".join(
            [
                *parts,
                *([f"{speed:.1f} tokens/s"] if speed else []),
                *([f"{waiting} picture{'s' * (waiting != 1)} attached"] if waiting else []),
            ]
        )

    def close(self) -> None:
        """Free the model."""
        self.assistant.engine.close()

    def _answer(self, asked: Conversation, sampling: Sampling) -> Generator[str, None, None]:
        self._check_room(asked)
        reply = self.assistant.reply(asked.messages, sampling)
        text = ""
        try:
            for piece in reply:
                text += piece
                yield piece
        except OvglmError:
            text = ""
            raise
        finally:
            if reply.finish_reason is None:
                reply.cancel()
            if text or reply.finish_reason:
                self._keep(asked.answer(text), reply)

    def _check_room(self, asked: Conversation) -> None:
        """Refuse a question that fits alone but not behind what was said before."""
        info = self.assistant.engine.info
        longest = min(info.max_prompt, info.context - 1)
        count = self.assistant.prompt(asked.messages).count(self.assistant.engine)
        if count > longest and len(asked.turns) > 1:
            raise OvglmError(
                f"the conversation has {count:,} tokens now; {info.device} takes {longest:,}",
                hint="/reset, which starts a new one (/save keeps this one)",
            )

    def _keep(self, conversation: Conversation, reply: "Reply") -> None:
        self.conversation = conversation
        asked = conversation.pictures
        self.attached = tuple(one for one in self.attached if one not in asked)
        self.usage, self.finish_reason = reply.usage, reply.finish_reason
        if reply.usage:
            self.totals = self.totals.add(reply.usage)
            self.context_used = reply.usage.prompt_tokens + reply.usage.reply_tokens
