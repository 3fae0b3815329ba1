"""Trains small byte-level BPE vocabularies that split text as GLM-4's tokenizer does."""

from collections.abc import Iterable
from pathlib import Path

import tokenizers
from tokenizers import decoders, models, pre_tokenizers, processors, trainers

__all__ = ["GLM4_SPLIT", "TEXTS", "save_with_prefix", "train_bpe"]

GLM4_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
TEXTS = [
    "Hello, world! It's 2024, isn't it? WE'LL see.",
    "你好，世界。今天天气怎么样？我们去公园吧。",
    "日本語のテキストと カタカナ、ひらがな。",
    "emoji 😀👩‍👩‍👧‍👦🏳️‍🌈 and é e\u0301",
    "def f(x):\n    return {'a': [1, 2], \"b\": x ** 2}\r\n\r\n\tpass\n",
    "   leading,  double   and trailing spaces   \n\n \t \n",
]


def train_bpe(texts: Iterable[str], vocab_size: int) -> tokenizers.Tokenizer:
    """Train a vocabulary without control tokens."""
    built = tokenizers.Tokenizer(models.BPE())
    built.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(tokenizers.Regex(GLM4_SPLIT), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )  # type: ignore[assignment]
    built.decoder = decoders.ByteLevel()  # type: ignore[assignment]
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    built.train_from_iterator(texts, trainer)
    return built


def save_with_prefix(built: tokenizers.Tokenizer, folder: Path) -> None:
    """Save as tokenizer.json, with the prefix that GLM-4's tokenizer puts before a text."""
    prefix = [(name, built.token_to_id(name) or 0) for name in ("[gMASK]", "<sop>")]
    built.post_processor = processors.TemplateProcessing(
        single="[gMASK] <sop> $A", special_tokens=prefix
    )  # type: ignore[assignment]
    built.save(str(folder / "tokenizer.json"))
