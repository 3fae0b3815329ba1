"""Texts to ids as lm-evaluation-harness cuts them, so that scores can be held against its own."""

from ovglm.errors import OvglmError
from ovglm.tokens import Tokenizer

__all__ = ["encode_pair", "encode_text", "prefix_text"]


def prefix_text(tokenizer: Tokenizer) -> str:
    """Write out the control tokens that the tokenizer puts before a text."""
    return tokenizer.decode(tokenizer.prefix, skip_special=False)


def encode_text(tokenizer: Tokenizer, text: str) -> list[int]:
    """Give the ids of a text behind the tokenizer's prefix; control tokens in it are such.

    A text that begins with the prefix already, as a chat template writes it, gets no second one.
    """
    ids = tokenizer.encode(text, allow_special=True)
    prefix = tokenizer.prefix
    return ids if prefix and text.startswith(prefix_text(tokenizer)) else [*prefix, *ids]


def encode_pair(tokenizer: Tokenizer, context: str, option: str) -> tuple[list[int], list[int]]:
    """Give the ids of a context and of what goes on behind it.

    Space at the end of the context counts to the option, and both are encoded together and then
    cut, as lm-evaluation-harness does it (`TemplateLM._encode_pair`). Raises OvglmError where the
    option vanishes in the context's last token.
    """
    kept = context.rstrip()
    whole = encode_text(tokenizer, context + option)
    before = encode_text(tokenizer, kept)
    if len(whole) <= len(before):
        raise OvglmError(f"{option!r} has no token of its own behind the text", "a longer choice")
    return before, whole[len(before) :]
