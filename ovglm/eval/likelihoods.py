"""Log-probabilities of given tokens, from an exported folder on one device."""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ovglm.devices import choose, list_devices, read_facts
from ovglm.devices.options import RuntimeOptions
from ovglm.engine.integrity import check_integrity
from ovglm.engine.logits import LogitsModel
from ovglm.engine.native import native_failure
from ovglm.errors import OvglmError, RequestError
from ovglm.manifest import FILE_NAME
from ovglm.tokens import Tokenizer

__all__ = ["Likelihoods", "Scores", "exact_options", "load_likelihoods", "refuse_npu"]

# Tokens of context and options that are kept side by side, which bounds the KV cache.
_SIDE_BY_SIDE = 8192


@dataclass(frozen=True)
class Scores:
    """Scored tokens in order.

    logprobs: float32 natural logarithms [tokens]. likeliest: whether each was the model's first
    choice, bool [tokens].
    """

    logprobs: np.ndarray
    likeliest: np.ndarray

    @property
    def total(self) -> float:
        """The log-probability of all together, in nats."""
        return float(self.logprobs.sum(dtype=np.float64))

    @property
    def is_greedy(self) -> bool:
        """Whether greedy decoding would have made these tokens."""
        return bool(self.likeliest.all())


@dataclass(frozen=True)
class Likelihoods:
    """A model that scores tokens; compiled at the first call.

    context: the most tokens that it reads at once. arithmetic: how it calculates, for people.
    stop_ids: those that end an answer.
    """

    name: str
    recipe: str
    device: str
    device_name: str
    context: int
    arithmetic: str
    stop_ids: tuple[int, ...]
    dialect: str
    tokenizer: Tokenizer
    model: LogitsModel

    def sequence(self, ids: Sequence[int], first: int) -> Iterator[Scores]:
        """Score ids[first:], each given all before it; `first` is at least 1.

        Comes in pieces, so that memory does not grow with the text. Raises RequestError for more
        than `context` tokens, OvglmError where the runtime fails.
        """
        read = ids[:-1]
        self._check_length(len(read))
        place = first
        try:
            for logarithms in self.model.start().go_on(read, len(ids) - first):
                end = place + len(logarithms)
                yield _pick(logarithms, np.asarray(ids[place:end]))
                place = end
        except RuntimeError as error:
            raise _failure(error) from error

    def options(self, context: Sequence[int], options: Sequence[Sequence[int]]) -> list[Scores]:
        """Score several ways to go on behind one context, which is read once for many of them.

        Raises as `sequence` does.
        """
        longest = max(len(option) for option in options)
        self._check_length(len(context) + longest - 1)
        at_once = max(1, _SIDE_BY_SIDE // (len(context) + longest))
        found: list[Scores] = []
        for start in range(0, len(options), at_once):
            try:
                found += self._side_by_side(context, options[start : start + at_once])
            except RuntimeError as error:
                raise _failure(error) from error
        return found

    def close(self) -> None:
        """Free the model."""
        self.model.close()

    def _side_by_side(
        self, context: Sequence[int], options: Sequence[Sequence[int]]
    ) -> list[Scores]:
        reading = self.model.start()
        (behind,) = reading.go_on(context, 1)
        longest = max(len(option) for option in options)
        # what stands behind an option's end has no effect on it, so any id will do
        rows = np.zeros((len(options), longest), dtype=np.int64)
        for row, option in zip(rows, options, strict=True):
            row[: len(option)] = option
        logprobs = np.empty(rows.shape, dtype=np.float32)
        likeliest = np.empty(rows.shape, dtype=bool)
        for at, ids in enumerate(rows[:, 0]):
            first = _pick(behind, ids[None])
            logprobs[at, 0], likeliest[at, 0] = first.logprobs[0], first.likeliest[0]
        place = 1
        for logarithms in reading.branch(rows[:, :-1]):
            end = place + logarithms.shape[1]
            scores = _pick(logarithms, rows[:, place:end])
            logprobs[:, place:end], likeliest[:, place:end] = scores.logprobs, scores.likeliest
            place = end
        ends = [len(option) for option in options]
        return [Scores(logprobs[at, :end], likeliest[at, :end]) for at, end in enumerate(ends)]

    def _check_length(self, count: int) -> None:
        if count > self.context:
            raise RequestError(
                f"{count} tokens are to be read at once; {self.device} takes {self.context}",
                "a larger --context, or shorter texts",
            )


def exact_options(context: int | None) -> RuntimeOptions:
    """Give the options that let an engine calculate in float32 throughout."""
    plain = (("DYNAMIC_QUANTIZATION_GROUP_SIZE", "0"),)
    return RuntimeOptions(context=context, precision="f32", kv_cache="f32", properties=plain)


def refuse_npu(device: str) -> None:
    """Raise OvglmError where the user's --device names an NPU."""
    if any(name.strip().upper().startswith("NPU") for name in device.split(",")):
        raise OvglmError(
            "an NPU gives the tokens that it chose but no logits, so nothing can be scored there",
            "--device CPU",
        )


def load_likelihoods(
    folder: Path,
    device: str = "AUTO",
    *,
    context: int | None = None,
    exact: bool = False,
    say: Callable[[str], None] = lambda text: print(text, file=sys.stderr),
) -> Likelihoods:
    """Choose a device for the model in `folder`; nothing is compiled yet.

    context: the most tokens to read at once; else what the model and the memory allow. exact:
    calculate in float32 throughout, not as the engine does when it answers. say: hears the choice.
    Raises OvglmError, also for an NPU, which gives no logits.
    """
    refuse_npu(device)
    edited = check_integrity(folder, say) if (folder / FILE_NAME).is_file() else ()
    facts = read_facts(folder)
    options = exact_options(context) if exact else RuntimeOptions(context=context)
    placement = choose(facts, list_devices(), device, options)
    chosen = placement.device
    if exact and chosen.kind != "CPU":
        raise OvglmError(f"float32 throughout is for the CPU, not for {chosen.id}", "--device CPU")
    say(f"{facts.name} on {chosen.id} ({chosen.name}): {placement.reason}")
    for note in (*placement.notes, *edited):
        say(note)
    return Likelihoods(
        name=facts.name,
        recipe=facts.recipe,
        device=chosen.id,
        device_name=chosen.name,
        context=placement.context,
        arithmetic="float32" if exact else "as the engine answers",
        stop_ids=facts.stop_ids,
        dialect=facts.dialect,
        tokenizer=Tokenizer.load(folder),
        model=LogitsModel(folder, chosen.id, placement.properties, exact=exact),
    )


def _pick(logarithms: np.ndarray, ids: np.ndarray) -> Scores:
    """Take the logarithms [..., vocabulary] of `ids` [...]."""
    own = np.take_along_axis(logarithms, ids[..., None], axis=-1)[..., 0]
    return Scores(own, logarithms.argmax(axis=-1) == ids)


def _failure(error: RuntimeError) -> OvglmError:
    return native_failure(
        "the model could not be run", error, "a smaller --context, or --device CPU"
    )
