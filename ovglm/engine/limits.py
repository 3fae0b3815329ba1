"""What can be refused before anything runs: the rules that one loaded model sets for requests."""

from collections.abc import Sequence
from dataclasses import dataclass

from ovglm.engine.base import EngineInfo
from ovglm.errors import OvglmError, RequestError
from ovglm.pictures import Picture

__all__ = ["QUEUE_LENGTH", "Limits", "refuse_pictures"]

# Requests that wait for an engine that answers one at a time; one more is refused.
QUEUE_LENGTH = 16


@dataclass(frozen=True)
class Limits:
    """The sizes of one loaded model in tokens, and its ids.

    context: prompt and answer together. max_prompt: the prompt alone. vocabulary: ids are below
    it; the runtime does not check them and answers nonsense. stop_ids: any of them ends an answer.
    """

    context: int
    max_prompt: int
    vocabulary: int
    stop_ids: frozenset[int]

    def __post_init__(self) -> None:
        if not self.stop_ids:
            raise OvglmError("the model names no stop id, so an answer would never end")

    def check_prompt(self, prompt_ids: Sequence[int], count: int) -> None:
        """Refuse a prompt that is empty or too long, or ids that the model does not have.

        count: its length; more than that of the ids where few of them stand for a picture.
        """
        if not len(prompt_ids):
            raise RequestError("the prompt is empty")
        longest = min(self.max_prompt, self.context - 1)
        if count > longest:
            raise RequestError(
                f"the prompt has {count} tokens; the longest that this engine takes has {longest}",
                hint=f"a shorter prompt, or load the model with --context {self._wanted(count)}",
            )
        if (low := min(prompt_ids)) < 0 or (high := max(prompt_ids)) >= self.vocabulary:
            wrong = low if low < 0 else high
            raise RequestError(
                f"token id {wrong} is not one of the model's, which are 0 to {self.vocabulary - 1}"
            )

    def room(self, prompt_length: int, wanted: int) -> int:
        """Give how many tokens an answer may have: `wanted`, or what the context has left."""
        return min(wanted, self.context - prompt_length)

    def _wanted(self, prompt_length: int) -> int:
        """Suggest a context that holds the prompt and as long an answer as now."""
        return prompt_length + self.context - min(self.max_prompt, self.context - 1)


def refuse_pictures(pictures: Sequence[Picture], info: EngineInfo) -> None:
    """Raise RequestError where there are pictures for a model of text alone."""
    if pictures:
        raise RequestError(
            f"{info.model} takes no pictures, and {len(pictures)} came with the prompt",
            hint="leave them out, or take a model that sees, such as glm-edge-v-2b",
        )
