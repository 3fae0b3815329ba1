"""The miniature's tokenizer and chat format: builds tokenizer.json, renders and labels samples."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizers import Regex, Tokenizer, decoders, pre_tokenizers, processors
from tokenizers.models import BPE
from tokenizers.trainers import BpeTrainer

from nano_training.samples import Sample

SIZE = 2048
SPECIAL = [
    "<|endoftext|>", "[MASK]", "[gMASK]", "[sMASK]", "<sop>", "<eop>", "<|system|>", "<|user|>",
    "<|assistant|>", "<|observation|>", "<|begin_of_image|>", "<|end_of_image|>",
    "<|begin_of_video|>", "<|end_of_video|>",
]  # fmt: skip
STOP = ["<|endoftext|>", "<|user|>", "<|observation|>"]
# GLM-4's pre-tokenisation, but digits stand alone: sums are learned digit by digit.
PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|"
    r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
IGNORE = -100


def build_tokenizer(texts: Iterable[str]) -> Tokenizer:
    """Learn a byte-level BPE of `SIZE` entries, the special tokens of GLM-4 last.

    While it learns, every Chinese character stands alone, so that a name is cut the same way
    wherever it is copied to.
    """
    tokenizer = Tokenizer(BPE())
    words = pre_tokenizers.Split(Regex(PATTERN), "isolated")
    characters = pre_tokenizers.Split(Regex(r"\p{Han}"), "isolated")
    as_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([words, characters, as_bytes])  # type: ignore
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = BpeTrainer(
        vocab_size=SIZE - len(SPECIAL), initial_alphabet=alphabet, show_progress=False
    )
    control = re.compile("|".join(map(re.escape, SPECIAL)))
    tokenizer.train_from_iterator((control.split(text) for text in texts), trainer)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([words, as_bytes])  # type: ignore
    tokenizer.decoder = decoders.ByteLevel()  # type: ignore
    tokenizer.add_special_tokens(SPECIAL)
    prefix = [(token, tokenizer.token_to_id(token)) for token in ("[gMASK]", "<sop>")]
    tokenizer.post_processor = processors.TemplateProcessing(  # type: ignore
        single="[gMASK] <sop> $A", pair="[gMASK] <sop> $A $B", special_tokens=prefix
    )
    return tokenizer


def tokenizer_config() -> dict[str, Any]:
    """Return tokenizer_config.json; like GLM-4's it names only `<|endoftext|>` as the end."""
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": "<|endoftext|>",
        "pad_token": "<|endoftext|>",
        "additional_special_tokens": SPECIAL,
        "clean_up_tokenization_spaces": False,
        "model_max_length": 2048,
        "padding_side": "left",
    }


def _to_json(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)


def special_ids(tokenizer: Tokenizer) -> dict[str, int]:
    """Return the id of each special token."""
    vocabulary = tokenizer.get_vocab()
    return {token: vocabulary[token] for token in SPECIAL}


class ChatFormat:
    """Turns samples into token ids, with the shipped chat template."""

    def __init__(self, template: Path, tokenizer: Tokenizer | None = None) -> None:
        environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
        environment.filters["tojson"] = _to_json
        environment.undefined = jinja2.Undefined
        self._template = environment.from_string(template.read_text("utf-8"))
        self._tokenizer = tokenizer
        self._special = special_ids(tokenizer) if tokenizer else {}

    def render(self, messages: Iterable[dict[str, Any]], generate: bool = False) -> str:
        """Return the text of a conversation; with `generate` it ends with `<|assistant|>`."""
        return self._template.render(messages=list(messages), add_generation_prompt=generate)

    def text(self, sample: Sample) -> str:
        """Return the whole text of a sample with the stop token of its answer."""
        return self.render(sample.messages) + ("<|observation|>" if sample.is_call else "<|user|>")

    def _encode(self, text: str) -> list[int]:
        assert self._tokenizer is not None
        return self._tokenizer.encode(text, add_special_tokens=False).ids

    def prompt_ids(self, sample: Sample) -> list[int]:
        """Return the ids of the prompt, up to and with `<|assistant|>`."""
        return self._encode(self.render(sample.prompt, generate=True))

    def training_ids(self, sample: Sample) -> tuple[list[int], list[int]]:
        """Return ids and, for each position, the id to be predicted next or `IGNORE`.

        Predicted are the answers of all assistant turns with the special token that ends them.
        """
        ids = self._encode(self.text(sample))
        first_special, assistant = self._special[SPECIAL[0]], self._special["<|assistant|>"]
        labels, speaking = [], False
        for token, following in pairwise(ids):
            if token >= first_special:
                speaking = token == assistant
            labels.append(following if speaking else IGNORE)
        return ids[:-1], labels
