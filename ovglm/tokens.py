"""Text to token ids and back, from an exported folder's tokenizer.json; knows no template.

Added tokens ("control tokens" here: `<|user|>`, `[gMASK]`, ...) are split off in this module, and
the library below never sees them, so that text which is not trusted cannot become one.
"""

import codecs
import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import takewhile
from pathlib import Path
from typing import Any

import tokenizers

from ovglm.errors import FolderError, OvglmError

__all__ = ["FILE_NAME", "TextStream", "Tokenizer", "byte_to_char"]

FILE_NAME = "tokenizer.json"


@lru_cache(maxsize=1)
def byte_to_char() -> tuple[str, ...]:
    """Give the character that byte-level BPE writes for each of the 256 bytes (GPT-2's table)."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    spare = iter(range(0x100, 0x200))
    return tuple(chr(byte if byte in printable else next(spare)) for byte in range(256))


class Tokenizer:
    """Byte-level BPE with a list of control tokens; never changes after loading.

    prefix: the ids that other readers put before a plain text ([gMASK]<sop> of GLM-4, often none).
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        """Take the parsed tokenizer.json; raise OvglmError where it is not byte-level BPE."""
        _require_byte_level(document)
        added = document.get("added_tokens") or []
        self._controls = {token["content"]: int(token["id"]) for token in added}
        self._control_bytes = {
            int(token["id"]): token["content"].encode("utf-8") for token in added
        }
        self._skipped = frozenset(int(token["id"]) for token in added if token.get("special"))
        self._pattern = re.compile("|".join(map(_pattern_of, _longest_first(added))) or r"(?!)")
        self._char_to_byte = {char: byte for byte, char in enumerate(byte_to_char())}
        plain = {**document, "added_tokens": []}
        plain |= {"post_processor": None, "truncation": None, "padding": None}
        self._plain = _build_plain(plain)
        self.vocabulary_size = 1 + max(
            self._plain.get_vocab_size() - 1, max(self._control_bytes, default=0)
        )
        self.controls = frozenset(self._controls)
        self.control_marks = frozenset(map(_mark_of, self._controls))
        self.prefix = _prefix_of(document.get("post_processor"))
        self._check_plain_text_makes_no_control()

    @classmethod
    def load(cls, folder: Path) -> "Tokenizer":
        """Read `folder`/tokenizer.json."""
        path = folder / FILE_NAME
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise FolderError(f"{folder} has no {FILE_NAME}", "ovglm export MODEL") from error
        except (ValueError, RecursionError) as error:
            raise FolderError(f"{path} is not valid JSON: {error}") from error
        if not isinstance(document, dict):
            raise FolderError(f"{path} is not a tokenizer: its JSON is not an object")
        return cls(document)

    def token_id(self, token: str) -> int | None:
        """Give the id of a token as tokenizer.json spells it, None when there is no such token."""
        if token in self._controls:
            return self._controls[token]
        return self._plain.token_to_id(token)

    def encode(
        self,
        text: str,
        *,
        allow_special: bool,
        disguise: Mapping[int, str] | None = None,
    ) -> list[int]:
        """Give the ids of `text`; nothing is put in front of it or behind it.

        With `allow_special` the control tokens written in the text become their ids; without it
        they are text like any other. `disguise` (a `str.translate` table) is applied to the text
        between control tokens, after these were found.
        """
        text = _without_lone_surrogates(text)
        if not allow_special:
            return self._encode_plain(text, disguise)
        ids: list[int] = []
        end = 0
        for match in self._pattern.finditer(text):
            ids += self._encode_plain(text[end : match.start()], disguise)
            ids.append(self._control_id(match.group()))
            end = match.end()
        return ids + self._encode_plain(text[end:], disguise)

    def decode(self, ids: Iterable[int], *, skip_special: bool = True) -> str:
        """Give the text of `ids`; bytes that are no UTF-8 become U+FFFD."""
        pieces = (self.token_bytes(token, skip_special=skip_special) for token in ids)
        return b"".join(pieces).decode("utf-8", errors="replace")

    def token_bytes(self, token: int, *, skip_special: bool = True) -> bytes:
        """Give the bytes that one token stands for; none for an id that the vocabulary lacks."""
        if token in self._control_bytes:
            hidden = skip_special and token in self._skipped
            return b"" if hidden else self._control_bytes[token]
        text = self._plain.id_to_token(token) if token >= 0 else None
        if text is None:
            return b""
        try:
            return bytes(map(self._char_to_byte.__getitem__, text))
        except KeyError:  # a token written as itself, not in the byte alphabet
            return text.encode("utf-8")

    def _encode_plain(self, text: str, disguise: Mapping[int, str] | None) -> list[int]:
        if not text:
            return []
        return self._plain.encode(text.translate(disguise) if disguise else text).ids

    def _control_id(self, matched: str) -> int:
        known = self._controls.get(matched)
        return self._controls[matched.strip()] if known is None else known

    def _check_plain_text_makes_no_control(self) -> None:
        for content, token in self._controls.items():
            if token in self._plain.encode(content).ids:
                raise OvglmError(
                    f"{FILE_NAME} makes the control token {content!r} from ordinary text, "
                    "so a user could write it"
                )


class TextStream:
    """The text of a growing list of tokens, in pieces of whole UTF-8 characters."""

    def __init__(self, tokenizer: Tokenizer, *, skip_special: bool = True) -> None:
        self._tokenizer = tokenizer
        self._skip_special = skip_special
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def push(self, token: int) -> str:
        """Add one token; give the characters that are complete now, often none."""
        return self._decoder.decode(
            self._tokenizer.token_bytes(token, skip_special=self._skip_special)
        )

    def flush(self) -> str:
        """End the text; give U+FFFD where its last character stayed incomplete."""
        return self._decoder.decode(b"", final=True)


def _build_plain(document: Mapping[str, Any]) -> tokenizers.Tokenizer:
    try:
        return tokenizers.Tokenizer.from_str(json.dumps(document, ensure_ascii=False))
    except Exception as error:  # the library raises nothing narrower
        raise OvglmError(f"{FILE_NAME} is damaged: {error}") from error


def _require_byte_level(document: Mapping[str, Any]) -> None:
    model = document.get("model") or {}
    if not isinstance(model, Mapping):
        raise OvglmError(f"{FILE_NAME} is damaged: its model is not an object")
    kinds = {step.get("type") for step in _steps(document.get("pre_tokenizer"))}
    if model.get("type", "BPE") != "BPE" or "ByteLevel" not in kinds:
        raise OvglmError(f"{FILE_NAME} is not byte-level BPE, the only kind that GLM uses")
    # 0xC0, 0xC1 and 0xF5 upwards never occur in UTF-8.
    used = (byte for byte in range(0xF5) if byte not in (0xC0, 0xC1))
    missing = [byte for byte in used if byte_to_char()[byte] not in model.get("vocab", ())]
    if missing:
        raise OvglmError(f"{FILE_NAME} has no token for the byte 0x{missing[0]:02x}")


def _steps(pre_tokenizer: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    if not pre_tokenizer:
        return []
    return pre_tokenizer.get("pretokenizers") or [pre_tokenizer]


def _prefix_of(processor: Mapping[str, Any] | None) -> tuple[int, ...]:
    """Read what a TemplateProcessing writes before the text."""
    ids: list[int] = []
    try:
        for step in (processor or {}).get("processors") or [processor or {}]:
            parts = step["single"] if step.get("type") == "TemplateProcessing" else []
            for part in takewhile(lambda part: "SpecialToken" in part, parts):
                ids += step["special_tokens"][part["SpecialToken"]["id"]]["ids"]
    except (AttributeError, KeyError, TypeError) as error:
        raise OvglmError(f"{FILE_NAME} is damaged: its post_processor is no template") from error
    return tuple(ids)


def _longest_first(added: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return sorted(added, key=lambda token: -len(token["content"]))


def _pattern_of(token: Mapping[str, Any]) -> str:
    pattern = re.escape(token["content"])
    if token.get("single_word"):
        pattern = rf"(?<!\w){pattern}(?!\w)"
    left = r"\s*" if token.get("lstrip") else ""
    return left + pattern + (r"\s*" if token.get("rstrip") else "")


def _mark_of(content: str) -> str:
    """Pick the character without which the token cannot be written: its first sign."""
    for char in content:
        if not char.isalnum() and not char.isspace():
            return char
    raise OvglmError(f"The control token {content!r} in {FILE_NAME} is an ordinary word")


def _without_lone_surrogates(text: str) -> str:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
