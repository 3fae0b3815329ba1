"""The model type `ovglm` of lm-evaluation-harness: an exported folder through our engine.

Texts become ids, and ids become scores, as the harness's own `hf` model does it with the
checkpoint, with one exception: a prompt that a chat template begins with [gMASK]<sop> gets no
second [gMASK]<sop>, as it does in `hf` unless that is told add_bos_token=False.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lm_eval.api.instance import Instance
from lm_eval.api.model import TemplateLM
from lm_eval.utils import (
    get_rolling_token_windows,
    make_disjoint_window,
    simple_parse_args_string,
)

from ovglm.devices.options import RuntimeOptions
from ovglm.dialects import dialect_for
from ovglm.engine import Engine
from ovglm.errors import OvglmError
from ovglm.eval.encoding import encode_pair, encode_text
from ovglm.eval.likelihoods import Likelihoods, exact_options, load_likelihoods
from ovglm.eval.task_sampling import to_sampling
from ovglm.messages import Message
from ovglm.progress import Progress, Silence
from ovglm.template import ChatTemplate

__all__ = ["OvglmLM"]

_CONFIG = "tokenizer_config.json"
# Prompts that the engine gets at a time; it runs as many of them together as it has room for.
_AT_ONCE = 16
_MAX_GEN_TOKS = 256
# What the harness's command line passes where nobody names a device.
_NO_DEVICE = "cuda:0"
_Request = tuple[tuple[str, str] | None, list[int], list[int]]


class OvglmLM(TemplateLM):
    """Scores with log-likelihoods, and answers with the engine, which loads when it is needed."""

    def __init__(
        self,
        pretrained: str,
        device: str = "AUTO",
        max_length: int | None = None,
        exact: bool = False,
        batch_size: int | str = 1,
        progress: Progress | None = None,
        likelihoods: Likelihoods | None = None,
    ) -> None:
        """Open the exported folder `pretrained`.

        device: as for `ovglm run --device`. max_length: the most tokens to read at once. exact:
        calculate in float32 throughout. batch_size: 1 or auto, as the engine decides by itself
        what runs together. likelihoods: of that folder, where they are open already.
        """
        super().__init__()
        if str(batch_size) not in ("1", "auto"):
            raise OvglmError(
                f"batch_size is {batch_size}; the engine decides by itself what runs together",
                "--batch_size auto",
            )
        self.folder = Path(pretrained)
        self._exact = exact
        self.likelihoods = likelihoods or load_likelihoods(
            self.folder, device, context=max_length, exact=exact
        )
        self._progress = progress or Silence()
        self._engine: Engine | None = None

    @classmethod
    def create_from_arg_obj(
        cls, arg_dict: dict[str, Any], additional_config: dict[str, Any] | None = None
    ) -> "OvglmLM":
        """Make one from the harness's command line; --model_args count more than its options."""
        told = {name: value for name, value in (additional_config or {}).items() if value}
        if told.get("device") == _NO_DEVICE:
            del told["device"]
        return cls(**{**told, **arg_dict})

    @classmethod
    def create_from_arg_string(
        cls, arg_string: str, additional_config: dict[str, Any] | None = None
    ) -> "OvglmLM":
        """Make one from `name=value,...`."""
        return cls.create_from_arg_obj(simple_parse_args_string(arg_string), additional_config)

    @property
    def max_length(self) -> int:
        """The most tokens that are read at once."""
        return self.likelihoods.context

    @property
    def max_gen_toks(self) -> int:
        """The longest answer where a task does not say; as in `hf`."""
        return _MAX_GEN_TOKS

    @property
    def eot_token_id(self) -> int:
        """The token that ends a text: tokenizer_config.json's, else the model's first stop id."""
        path = self.folder / _CONFIG
        config = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        token = config.get("eos_token")
        text = token.get("content") if isinstance(token, dict) else token
        found = self.likelihoods.tokenizer.token_id(text) if text else None
        return self.likelihoods.stop_ids[0] if found is None else found

    @property
    def tokenizer_name(self) -> str:
        """Name the tokenizer, for the harness's cache of requests."""
        return str(self.folder.absolute()).replace("\\", "/").replace("/", "__")

    def close(self) -> None:
        """Free the model."""
        self.likelihoods.close()
        if self._engine:
            self._engine.close()

    def tok_encode(
        self, string: str, add_special_tokens: bool | None = None, **kwargs: Any
    ) -> list[int]:
        """Give the ids of a text, behind the tokenizer's prefix unless that is not wanted."""
        tokenizer = self.likelihoods.tokenizer
        if add_special_tokens is False:
            return tokenizer.encode(string, allow_special=True)
        return encode_text(tokenizer, string)

    def loglikelihood(
        self, requests: list[Instance], disable_tqdm: bool = True
    ) -> list[tuple[float, bool]]:
        """Score continuations; the harness's own bars stay away."""
        return super().loglikelihood(requests, disable_tqdm=disable_tqdm)

    def _encode_pair(self, context: str, continuation: str) -> tuple[list[int], list[int]]:
        return encode_pair(self.likelihoods.tokenizer, context, continuation)

    def _loglikelihood_tokens(
        self, requests: Sequence[_Request], **kwargs: Any
    ) -> list[tuple[float, bool]]:
        """Score ids; those that follow the same context are read side by side."""
        self._progress.stage("likelihood", len(requests))
        groups: dict[tuple[int, ...], list[int]] = {}
        cut = [self._cut(before, option) for _, before, option in requests]
        for place, (before, _) in enumerate(cut):
            groups.setdefault(tuple(before), []).append(place)
        found: dict[int, tuple[float, bool]] = {}
        for before, places in groups.items():
            scores = self.likelihoods.options(before, [cut[place][1] for place in places])
            for place, one in zip(places, scores, strict=True):
                found[place] = (one.total, one.is_greedy)
                if pair := requests[place][0]:
                    self.cache_hook.add_partial("loglikelihood", pair, found[place])
            self._progress.advance(len(places))
        return [found[place] for place in range(len(requests))]

    def loglikelihood_rolling(
        self, requests: list[Instance], disable_tqdm: bool = True
    ) -> list[float]:
        """Score whole texts, in windows that each give as much context as fits."""
        self._progress.stage("rolling", len(requests))
        found = []
        for request in requests:
            (text,) = request.args
            total = sum(self._windows(text))
            self.cache_hook.add_partial("loglikelihood_rolling", (text,), total)
            self._progress.advance()
            found.append(total)
        return found

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = True) -> list[str]:
        """Answer prompts; an answer ends before the first of its stop texts or at a stop id."""
        self._progress.stage("answers", len(requests))
        found: list[str] = []
        for start in range(0, len(requests), _AT_ONCE):
            batch = requests[start : start + _AT_ONCE]
            answers = [self._submit(*one.args) for one in batch]
            for one, answer in zip(batch, answers, strict=True):
                text = "".join(chunk.text for chunk in answer)
                self.cache_hook.add_partial("generate_until", one.args, text)
                self._progress.advance()
                found.append(text)
        return found

    def apply_chat_template(
        self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True
    ) -> str:
        """Write a conversation with the model's own template; the last answer may be unfinished."""
        dialect = dialect_for(self.likelihoods.dialect)
        messages = [Message(_role(one), one["content"]) for one in chat_history]
        template = ChatTemplate.load(self.folder)
        text = template.render(
            dialect.render(messages),
            add_generation_prompt,
            dialect.template_tools(messages),
        )
        if add_generation_prompt:
            return text
        last = messages[-1].content.strip()
        return text[: text.rindex(last) + len(last)]

    def chat_template(self, chat_template: bool | str = False) -> str | None:
        """Give the template's text, None where none is wanted."""
        return ChatTemplate.load(self.folder).source if chat_template else None

    def get_model_info(self) -> dict[str, Any]:
        """Say what was evaluated, for the harness's results."""
        told = self.likelihoods
        return {
            "model_name": told.name,
            "recipe": told.recipe,
            "device": told.device,
            "arithmetic": told.arithmetic,
        }

    def _cut(self, before: list[int], option: list[int]) -> tuple[list[int], list[int]]:
        """Leave out of the context, from the left, what the model cannot read at once."""
        if len(option) > self.max_length:
            raise OvglmError(
                f"a continuation has {len(option)} tokens; {self.max_length} can be read at once",
                "a larger --context",
            )
        room = self.max_length + 1 - len(option)
        return before[-room:], option

    def _windows(self, text: str) -> Iterable[float]:
        windows = get_rolling_token_windows(
            token_list=self.tok_encode(text),
            prefix_token=self.prefix_token_id,
            max_seq_len=self.max_length,
            context_len=1,
        )
        for before, option in map(make_disjoint_window, windows):
            pieces = self.likelihoods.sequence([*before, *option], len(before))
            yield sum(piece.total for piece in pieces)

    def _submit(self, context: str, arguments: Mapping[str, Any]) -> Any:
        sampling = to_sampling(arguments, self.max_gen_toks)
        room = self.max_length - sampling.max_new_tokens
        if room < 1:
            raise OvglmError(
                f"an answer of {sampling.max_new_tokens} tokens leaves no room for a prompt in "
                f"{self.max_length}",
                "a larger --context, or less max_gen_toks in the task",
            )
        end = self.likelihoods.tokenizer.decode([self.eot_token_id], skip_special=False)
        stops = tuple(one for one in sampling.stop if one != end)
        ids = self.tok_encode(context)[-room:]
        return self._load_engine().submit(ids, replace(sampling, stop=stops))

    def _load_engine(self) -> Engine:
        if self._engine is None:
            from ovglm.engine.load import load_engine

            plain = RuntimeOptions(context=self.max_length)
            options = exact_options(self.max_length) if self._exact else plain
            said: Callable[[str], None] = lambda text: None  # noqa: E731
            self._engine = load_engine(self.folder, self.likelihoods.device, options, say=said)
        return self._engine


def _role(message: Mapping[str, str]) -> Any:
    return message["role"]
