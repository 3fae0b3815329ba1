"""A tiktoken file becomes a tokenizer that gives exactly tiktoken's ids."""

import base64
import json
import random
from pathlib import Path
from typing import Any

import pytest
import tiktoken
import tokenizers

from ovglm.errors import CheckpointError
from ovglm.tokens import Tokenizer, byte_to_char
from ovglm_export.tiktoken_bpe import (
    GLM4_SPECIAL_TOKENS,
    build_tokenizer_json,
    read_tokens,
    special_tokens,
)
from small_bpe import GLM4_SPLIT, train_bpe
from small_bpe import TEXTS as COMMON_TEXTS

TEXTS = [
    *COMMON_TEXTS,
    "\x00\x01\x7f\ufeff\u200b\u2028\u3000\u00a0",
    "1234567890 ١٢٣ ½ Ⅷ ſ's 'ſ",
    "<|user|>[gMASK]<sop>",
    "aaaaaaaaaaaaaaaaaaaaaaa" * 5,
]


@pytest.fixture(scope="module")
def tokens() -> list[bytes]:
    """Train a vocabulary, and add words that no merge reaches, as real files have them."""
    trained = train_bpe(TEXTS * 3, 700)
    char_to_byte = {char: byte for byte, char in enumerate(byte_to_char())}
    vocabulary = sorted(trained.get_vocab().items(), key=lambda item: item[1])
    spelled = [bytes(char_to_byte[char] for char in token) for token, _ in vocabulary]
    return [*spelled, *(word for word in (b"zebra", b" quux") if word not in spelled)]


@pytest.fixture(scope="module")
def built(tokens: list[bytes]) -> Tokenizer:
    return Tokenizer(build_tokenizer_json(tokens, special_tokens({}, len(tokens))))


@pytest.fixture(scope="module")
def reference(tokens: list[bytes]) -> tiktoken.Encoding:
    ranks = {token: rank for rank, token in enumerate(tokens)}
    return tiktoken.Encoding("test", pat_str=GLM4_SPLIT, mergeable_ranks=ranks, special_tokens={})


def write_tokens(path: Path, tokens: list[bytes]) -> None:
    lines = [base64.b64encode(token) + f" {rank}\n".encode() for rank, token in enumerate(tokens)]
    path.write_bytes(b"".join(lines))


@pytest.mark.parametrize("text", TEXTS)
def test_ids_equal_those_of_tiktoken(
    built: Tokenizer, reference: tiktoken.Encoding, text: str
) -> None:
    ids = built.encode(text, allow_special=False)
    assert ids == reference.encode_ordinary(text)
    assert built.decode(ids) == text


@pytest.mark.parametrize("seed", range(5))
def test_ids_of_random_text_equal_those_of_tiktoken(
    built: Tokenizer, reference: tiktoken.Encoding, seed: int
) -> None:
    rng = random.Random(seed)
    pools = [*TEXTS, "abcdeSTL' ", "\r\n\t  \u3000", "é\u0301ſİß", "zebra quux"]
    for _ in range(300):
        text = "".join(rng.choice(rng.choice(pools)) for _ in range(rng.randrange(50)))
        assert built.encode(text, allow_special=False) == reference.encode_ordinary(text)


@pytest.mark.parametrize("seed", range(3))
def test_any_vocabulary_merges_as_tiktoken_does(seed: int) -> None:
    rng = random.Random(seed)
    tokens = [bytes([byte]) for byte in range(256)]
    letters = [bytes([byte]) for byte in b"abcdef"]
    while len(tokens) < 600:
        token = b"".join(rng.choice([*letters, *tokens[256:]]) for _ in range(2))
        if len(token) < 12 and token not in tokens:
            tokens.append(token)
    rest = tokens[256:]
    rng.shuffle(rest)  # so that parts may rank after the token they make
    tokens = tokens[:256] + rest
    built = Tokenizer(build_tokenizer_json(tokens, special_tokens({}, len(tokens))))
    ranks = {token: rank for rank, token in enumerate(tokens)}
    reference = tiktoken.Encoding(
        "test", pat_str=GLM4_SPLIT, mergeable_ranks=ranks, special_tokens={}
    )
    for _ in range(500):
        text = "".join(rng.choices("abcdef", k=rng.randrange(1, 40)))
        assert built.encode(text, allow_special=False) == reference.encode_ordinary(text)


def test_a_word_in_the_vocabulary_is_one_token_though_no_merge_makes_it(
    built: Tokenizer, tokens: list[bytes]
) -> None:
    assert built.encode("zebra", allow_special=False) == [tokens.index(b"zebra")]


def test_a_file_is_read_in_the_order_of_its_ranks(tmp_path: Path, tokens: list[bytes]) -> None:
    path = tmp_path / "tokenizer.model"
    write_tokens(path, tokens)
    path.write_bytes(path.read_bytes() + b"\n")
    assert read_tokens(path) == tokens


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"!!!! 300", "not base64"),
        (b"YWI=", "not a base64 token and a rank"),
        (b"YWI= x", "not a base64 token and a rank"),
        (b"YWI= 300 1", "not a base64 token and a rank"),
        (b"YWI= 301", "rank 301 leaves a gap"),
        (b"YWI= 299", "rank 299 is used twice"),
        (b"QQ== 300", "its token has the rank [0-9]+ already"),
        (b"\x80\x02\x0a\x00", "not a base64 token and a rank"),
        (b"A" * 9000 + b" 300", "not a base64 token and a rank"),
    ],
)
def test_a_damaged_line_is_refused_with_its_number(
    tmp_path: Path, tokens: list[bytes], line: bytes, words: str
) -> None:
    path = tmp_path / "tokenizer.model"
    write_tokens(path, tokens)
    lines = path.read_bytes().splitlines()
    lines[300] = line
    path.write_bytes(b"\n".join(lines))
    with pytest.raises(CheckpointError, match=f"line 301: .*{words}"):
        read_tokens(path)


def test_a_file_cut_short_is_refused(tmp_path: Path, tokens: list[bytes]) -> None:
    path = tmp_path / "tokenizer.model"
    write_tokens(path, tokens[:200])
    with pytest.raises(CheckpointError, match="no token for the byte"):
        read_tokens(path)


def test_special_tokens_of_glm4_follow_the_last_rank() -> None:
    table = special_tokens({}, 151329)
    ids = {token["content"]: token["id"] for token in table}
    assert ids["<|endoftext|>"] == 151329
    assert ids["[gMASK]"] == 151331
    assert ids["<sop>"] == 151333
    assert ids["<|user|>"] == 151336
    assert ids["<|observation|>"] == 151338
    assert ids["<|end_of_video|>"] == 151342


def test_special_tokens_of_the_config_go_before_the_table() -> None:
    decoder = {
        "701": {"content": "<b>", "special": False, "lstrip": True},
        "700": {"content": "<a>", "special": True},
    }
    table = special_tokens({"added_tokens_decoder": decoder}, 700)
    assert [(t["id"], t["content"], t["special"], t["lstrip"]) for t in table] == [
        (700, "<a>", True, False),
        (701, "<b>", False, True),
    ]


@pytest.mark.parametrize(
    ("decoder", "words"),
    [
        ({"701": {"content": "<a>"}}, "the next free one is 700"),
        ({"12": {"content": "<a>"}}, "the id 12"),
        ({"x": {"content": "<a>"}}, "damaged"),
        ({"700": {}}, "damaged"),
        (["<a>"], "damaged"),
    ],
)
def test_a_contradicting_table_of_special_tokens_is_refused(decoder: object, words: str) -> None:
    with pytest.raises(CheckpointError, match=words):
        special_tokens({"added_tokens_decoder": decoder}, 700)


def test_other_readers_put_the_prefix_in_front(tokens: list[bytes]) -> None:
    document: dict[str, Any] = build_tokenizer_json(tokens, special_tokens({}, len(tokens)))
    library = tokenizers.Tokenizer.from_str(json.dumps(document))
    assert library.encode("zebra").tokens == ["[gMASK]", "<sop>", "zebra"]
    for place, name in enumerate(GLM4_SPECIAL_TOKENS):
        assert library.token_to_id(name) == len(tokens) + place
