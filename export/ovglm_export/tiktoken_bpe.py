"""A tiktoken text file (`tokenizer.model` of the original GLM-4) as a tokenizer.json.

Needs no Python of the checkpoint: the splitting and the special tokens of GLM-4 are written here.
"""

import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ovglm.errors import CheckpointError
from ovglm.tokens import byte_to_char

__all__ = ["GLM4_SPECIAL_TOKENS", "build_tokenizer_json", "read_tokens", "special_tokens"]

# The remote code of GLM-4 gives them the ids after the last rank, in this order (151329 and on).
GLM4_SPECIAL_TOKENS = (
    "<|endoftext|>", "[MASK]", "[gMASK]", "[sMASK]", "<sop>", "<eop>", "<|system|>", "<|user|>",
    "<|assistant|>", "<|observation|>", "<|begin_of_image|>", "<|end_of_image|>",
    "<|begin_of_video|>", "<|end_of_video|>",
)  # fmt: skip
# From the same code: how text is cut before the merges.
_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_PREFIX = ("[gMASK]", "<sop>")
_MAX_LINE = 8192  # bytes; the longest line of GLM-4's file has about 180
_AGAIN = "copy or download the checkpoint again"


def read_tokens(path: Path) -> list[bytes]:
    """Read the tokens in the order of their ranks; a damaged line is refused with its number."""
    tokens: dict[bytes, int] = {}
    with path.open("rb") as file:
        for number, line in enumerate(iter(lambda: file.readline(_MAX_LINE), b""), start=1):
            if line.strip():
                token, rank = _parse_line(path, number, line)
                if rank != len(tokens):
                    problem = "is used twice" if rank < len(tokens) else "leaves a gap"
                    raise _damaged(path, number, f"rank {rank} {problem}")
                if token in tokens:
                    raise _damaged(path, number, f"its token has the rank {tokens[token]} already")
                tokens[token] = rank
    missing = [byte for byte in range(256) if bytes([byte]) not in tokens]
    if missing:
        raise CheckpointError(f"{path} has no token for the byte 0x{missing[0]:02x}", _AGAIN)
    return list(tokens)


def special_tokens(config: Mapping[str, Any], first_id: int) -> list[dict[str, Any]]:
    """List the `added_tokens` for a tokenizer.json, in the order of their ids from `first_id` on.

    `config` is tokenizer_config.json; without its `added_tokens_decoder` GLM-4's table holds.
    """
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    decoder = config.get("added_tokens_decoder")
    if not decoder:
        return [
            {"id": first_id + place, "content": content, **flags, "special": True}
            for place, content in enumerate(GLM4_SPECIAL_TOKENS)
        ]
    try:
        by_id = sorted((int(token), fields) for token, fields in decoder.items())
        table = [
            {"id": token, "content": fields["content"]}
            | {name: bool(fields.get(name, False)) for name in (*flags, "special")}
            for token, fields in by_id
        ]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"added_tokens_decoder of tokenizer_config.json is damaged: {error!r}", _AGAIN
        ) from error
    for place, token in enumerate(table):
        if token["id"] != first_id + place:
            raise CheckpointError(
                f"tokenizer_config.json gives {token['content']!r} the id {token['id']}, "
                f"but the next free one is {first_id + place}",
                _AGAIN,
            )
    return table


def build_tokenizer_json(
    tokens: Sequence[bytes], added_tokens: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Build the content of a tokenizer.json that gives the ids that tiktoken gives.

    tokens: as `read_tokens` gives them. added_tokens: as `special_tokens` gives them.
    """
    names = byte_to_char()
    spelled = ["".join(map(names.__getitem__, token)) for token in tokens]
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
    byte_level |= {"use_regex": False}
    split = {"type": "Split", "pattern": {"Regex": _SPLIT}, "behavior": "Isolated", "invert": False}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [dict(token) for token in added_tokens],
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [split, byte_level]},
        "post_processor": _post_processor(byte_level, added_tokens),
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            # tiktoken looks a whole piece up before it merges.
            "ignore_merges": True,
            "vocab": {token: rank for rank, token in enumerate(spelled)},
            "merges": [[spelled[left], spelled[right]] for left, right in _merges(tokens)],
        },
    }


def _merges(tokens: Sequence[bytes]) -> list[tuple[int, int]]:
    """List all pairs of ranks whose join is a token, in the order of the join's rank.

    tiktoken joins any neighbours whose join has the lowest rank, so every way to cut a token in
    two counts. Within one token the order is that of the published tokenizer.json files.
    """
    ranks = {token: rank for rank, token in enumerate(tokens)}
    return [pair for token in tokens for pair in sorted(_pairs(token, ranks))]


def _pairs(token: bytes, ranks: Mapping[bytes, int]) -> Iterator[tuple[int, int]]:
    for place in range(1, len(token)):
        left, right = ranks.get(token[:place]), ranks.get(token[place:])
        if left is not None and right is not None:
            yield left, right


def _post_processor(
    byte_level: Mapping[str, Any], added_tokens: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    ids = {token["content"]: token["id"] for token in added_tokens}
    if not all(name in ids for name in _PREFIX):
        return dict(byte_level)
    prefix = [{"SpecialToken": {"id": name, "type_id": 0}} for name in _PREFIX]
    first, second = ({"Sequence": {"id": name, "type_id": n}} for n, name in enumerate("AB"))
    template = {
        "type": "TemplateProcessing",
        "single": [*prefix, first],
        "pair": [*prefix, first, second],
        "special_tokens": {
            name: {"id": name, "ids": [ids[name]], "tokens": [name]} for name in _PREFIX
        },
    }
    return {"type": "Sequence", "processors": [dict(byte_level), template]}


def _parse_line(path: Path, number: int, line: bytes) -> tuple[bytes, int]:
    parts = line.split()
    if len(parts) != 2 or not parts[1].isdigit():
        raise _damaged(path, number, "it is not a base64 token and a rank")
    try:
        token = base64.b64decode(parts[0], validate=True)
    except binascii.Error as error:
        raise _damaged(path, number, f"its token is not base64 ({error})") from error
    if not token:
        raise _damaged(path, number, "its token is empty")
    return token, int(parts[1])


def _damaged(path: Path, number: int, problem: str) -> CheckpointError:
    return CheckpointError(f"{path}, line {number}: {problem}", _AGAIN)
