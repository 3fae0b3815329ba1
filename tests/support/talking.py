"""An assistant without a model, for what talks with one: it answers from a list."""

from collections.abc import Sequence

from byte_tokens import byte_tokenizer
from ovglm.assistant import Assistant
from ovglm.dialects import dialect_for
from ovglm.engine.answer import QueuedAnswer
from ovglm.errors import OvglmError
from ovglm.messages import Chunk, Sampling
from ovglm.pictures import Picture
from ovglm.template import ChatTemplate
from ovglm.testing import FakeEngine
from ovglm.tokens import Tokenizer, byte_to_char
from ovglm.vision_facts import VisionFacts
from small_pictures import EACH, PARTS_TEMPLATE

__all__ = ["FAILS", "ScriptedEngine", "prompts", "seeing_assistant", "talking_assistant"]

FAILS = "\0"
TEMPLATE = (
    "{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
CONTROLS = ("<|user|>", "<|assistant|>", "<|system|>")


class ScriptedEngine(FakeEngine):
    """Answer the first question with the first text and so on, the last text again and again.

    An answer that ends with FAILS ends with an error.
    """

    def __init__(
        self,
        *answers: str,
        device: str = "CPU",
        context: int = 4096,
        vision: VisionFacts | None = None,
    ) -> None:
        super().__init__(b"", device, context, decode=_decode, vision=vision)
        self.cancelled = 0
        self._answers = answers

    def submit(
        self, prompt_ids: Sequence[int], sampling: Sampling, pictures: Sequence[Picture] = ()
    ) -> QueuedAnswer:
        """Answer with the next text."""
        text = self._answers[min(len(self.requests), len(self._answers) - 1)]
        if not text.endswith(FAILS):
            self._reply_ids = tuple(text.encode())
            answer = super().submit(prompt_ids, sampling, pictures)
            answer._ask_cancel = self._count_cancel
            return answer
        self.requests.append((tuple(prompt_ids), sampling))
        self.pictures.append(tuple(pictures))
        answer = QueuedAnswer(self._count_cancel)
        answer.put(Chunk((65,), text[:-1]))
        answer.fail(OvglmError("the engine stumbled", hint="ovglm doctor"))
        return answer

    def _count_cancel(self) -> None:
        self.cancelled += 1


def talking_assistant(*answers: str, device: str = "CPU", context: int = 4096) -> Assistant:
    """Make an assistant whose tokens are bytes."""
    engine = ScriptedEngine(*answers, device=device, context=context)
    return Assistant(engine, _tokenizer(), ChatTemplate(TEMPLATE), dialect_for("glm4"))


def seeing_assistant(*answers: str, vision: VisionFacts = EACH, context: int = 4096) -> Assistant:
    """Make an assistant that takes pictures, as GLM-Edge-V does; its tokens are bytes, too."""
    engine = ScriptedEngine(*answers, context=context, vision=vision)
    template = ChatTemplate(PARTS_TEMPLATE)
    return Assistant(engine, byte_tokenizer(), template, dialect_for("glm_edge"))


def prompts(assistant: Assistant) -> list[str]:
    """List what the engine was given to read."""
    engine = assistant.engine
    assert isinstance(engine, ScriptedEngine)
    decode = assistant.tokenizer.decode
    return [decode(ids, skip_special=False) for ids, _ in engine.requests]


def _decode(ids: Sequence[int]) -> str:
    return bytes(ids).decode(errors="ignore")


def _tokenizer() -> Tokenizer:
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    added = [
        {"id": 256 + number, "content": text, "special": True, **flags}
        for number, text in enumerate(CONTROLS)
    ]
    byte_level = {
        "type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True,
    }  # fmt: skip
    vocabulary = {char: byte for byte, char in enumerate(byte_to_char())}
    model = {"type": "BPE", "vocab": vocabulary, "merges": []}
    document = {"version": "1.0", "added_tokens": added, "pre_tokenizer": byte_level}
    return Tokenizer({**document, "model": model})
