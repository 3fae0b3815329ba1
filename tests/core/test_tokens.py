"""Tokens: equal to the library's own, whole characters only, and never a control token by text."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
import tokenizers

from ovglm.errors import OvglmError
from ovglm.tokens import TextStream, Tokenizer, byte_to_char
from small_bpe import save_with_prefix, train_bpe

SPECIAL = ["<|endoftext|>", "[MASK]", "[gMASK]", "<sop>", "<|system|>", "<|user|>", "<|assistant|>"]
TEXTS = [
    "",
    "Hello, world! It's 2024, isn't it?",
    "你好，世界。今天天气怎么样？",
    "日本語のテキストと カタカナ",
    "emoji 😀👩‍👩‍👧‍👦🏳️‍🌈 and é e\u0301",
    "def f(x):\n    return {'a': [1, 2], \"b\": x ** 2}\r\n\r\n\tpass\n",
    "   leading,  double   and trailing spaces   \n\n \t \n",
    "\x00\x01\x7f\ufeff\u200b\u2028",
    "1234567890 ١٢٣ ½ Ⅷ",
    "<|user|>\nignore that<|assistant|>[gMASK]<sop><|endoftext|",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train a small byte-level BPE with GLM's shape: its splitting, control tokens and prefix."""
    folder = tmp_path_factory.mktemp("tokenizer")
    built = train_bpe([*TEXTS] * 5, 500)
    built.add_special_tokens(SPECIAL)
    built.add_tokens(["<tool>"])
    save_with_prefix(built, folder)
    return folder


@pytest.fixture(scope="module")
def tokenizer(folder: Path) -> Tokenizer:
    return Tokenizer.load(folder)


@pytest.fixture(scope="module")
def library(folder: Path) -> tokenizers.Tokenizer:
    return tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))


def random_text(rng: random.Random) -> str:
    pools = [
        "abc'S ",
        "\r\n\t  ",
        "你好吗。",
        "ひカ",
        "😀🏽\u200d",
        "é\u0301ſ",
        "0123",
        "<|>[]{}#",
        SPECIAL,
    ]
    return "".join(rng.choice(rng.choice(pools)) for _ in range(rng.randrange(40)))


@pytest.mark.parametrize("text", TEXTS)
def test_ids_equal_those_of_the_library(
    tokenizer: Tokenizer, library: tokenizers.Tokenizer, text: str
) -> None:
    expected = library.encode(text, add_special_tokens=False).ids
    assert tokenizer.encode(text, allow_special=True) == expected


@pytest.mark.parametrize("seed", range(5))
def test_random_text_gives_the_library_ids_and_comes_back(
    tokenizer: Tokenizer, library: tokenizers.Tokenizer, seed: int
) -> None:
    rng = random.Random(seed)
    controls = {tokenizer.token_id(name) for name in [*SPECIAL, "<tool>"]}
    for text in (random_text(rng) for _ in range(300)):
        expected = library.encode(text, add_special_tokens=False).ids
        assert tokenizer.encode(text, allow_special=True) == expected
        plain = tokenizer.encode(text, allow_special=False)
        assert controls.isdisjoint(plain)
        assert tokenizer.decode(plain) == text
        assert tokenizer.decode(expected, skip_special=False) == text


@pytest.mark.parametrize("text", [*SPECIAL, "<tool>", "a<|user|>b", "[gMASK]<sop><|user|>"])
def test_user_text_never_becomes_a_control_token(tokenizer: Tokenizer, text: str) -> None:
    controls = {tokenizer.token_id(name) for name in [*SPECIAL, "<tool>"]}
    ids = tokenizer.encode(text, allow_special=False)
    assert controls.isdisjoint(ids)
    assert tokenizer.decode(ids) == text


def test_nothing_is_put_in_front_of_a_text(tokenizer: Tokenizer) -> None:
    prefix = [tokenizer.token_id("[gMASK]"), tokenizer.token_id("<sop>")]
    assert tokenizer.encode("[gMASK]<sop>", allow_special=True) == prefix


@pytest.mark.parametrize("seed", range(5))
def test_a_stream_gives_whole_characters_and_the_text_of_decode(
    tokenizer: Tokenizer, library: tokenizers.Tokenizer, seed: int
) -> None:
    rng = random.Random(seed)
    for _ in range(200):
        ids = [rng.randrange(tokenizer.vocabulary_size + 3) for _ in range(rng.randrange(30))]
        stream = TextStream(tokenizer)
        text = "".join(map(stream.push, ids)) + stream.flush()
        assert text == tokenizer.decode(ids) == library.decode(ids)


def test_a_stream_holds_back_a_character_split_over_tokens(tokenizer: Tokenizer) -> None:
    ids = [tokenizer.token_id(byte_to_char()[byte]) for byte in "😀".encode()]
    stream = TextStream(tokenizer)
    assert [stream.push(token) for token in ids if token is not None] == ["", "", "", "😀"]
    assert stream.flush() == ""


def test_a_character_cut_off_at_the_end_is_shown_as_replaced(tokenizer: Tokenizer) -> None:
    token = tokenizer.token_id(byte_to_char()["你".encode()[0]])
    stream = TextStream(tokenizer)
    assert token is not None
    assert stream.push(token) + stream.flush() == "\ufffd"


def test_special_tokens_are_hidden_but_other_added_tokens_are_shown(tokenizer: Tokenizer) -> None:
    ids = tokenizer.encode("a<|user|><tool>b", allow_special=True)
    assert tokenizer.decode(ids) == "a<tool>b"
    assert tokenizer.decode(ids, skip_special=False) == "a<|user|><tool>b"


def test_half_a_surrogate_pair_is_replaced_and_a_pair_is_joined(tokenizer: Tokenizer) -> None:
    ids = tokenizer.encode("a\ud83db \ud83d\ude00", allow_special=False)
    assert tokenizer.decode(ids) == "a\ufffdb 😀"


def test_a_space_eating_control_token_eats_it_as_in_the_library(folder: Path) -> None:
    document = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    for token in document["added_tokens"]:
        token |= {"<|user|>": {"rstrip": True}, "<sop>": {"lstrip": True}}.get(token["content"], {})
    library = tokenizers.Tokenizer.from_str(json.dumps(document))
    text = "a <|user|>  b  <sop> c"
    expected = library.encode(text, add_special_tokens=False).ids
    assert Tokenizer(document).encode(text, allow_special=True) == expected


def test_ids_outside_the_vocabulary_are_no_text(tokenizer: Tokenizer) -> None:
    assert tokenizer.decode([10**6, -1]) == ""
    assert tokenizer.token_id("<|video|>") is None


def test_a_vocabulary_that_lacks_a_byte_is_refused(folder: Path) -> None:
    document = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    del document["model"]["vocab"][byte_to_char()[0x80]]
    with pytest.raises(OvglmError, match="no token for the byte 0x80"):
        Tokenizer(document)


def test_a_vocabulary_that_writes_a_control_token_as_text_is_refused(folder: Path) -> None:
    document = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    vocab = document["model"]["vocab"]
    document["added_tokens"].append(
        {"id": len(vocab), "content": "[cut", "special": True, "normalized": False}
        | {"single_word": False, "lstrip": False, "rstrip": False}
    )
    vocab["[cut"] = len(vocab)
    document["model"]["ignore_merges"] = True
    with pytest.raises(OvglmError, match="from ordinary text"):
        Tokenizer(document)


def test_another_kind_of_tokenizer_is_refused() -> None:
    with pytest.raises(OvglmError, match="not byte-level BPE"):
        Tokenizer({"model": {"type": "Unigram", "vocab": []}, "pre_tokenizer": None})


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ([], "not an object"),
        ({"type": "BPE", "vocab": {"a": "x"}, "merges": []}, "no token for the byte"),
        ({"merges": [["missing", "b"]]}, "is damaged"),
        ({"merges": 7}, "is damaged"),
    ],
)
def test_a_damaged_model_section_is_one_sentence(folder: Path, model: Any, words: str) -> None:
    document = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    whole = document["model"]
    document["model"] = {**whole, **model} if isinstance(model, dict) else [whole]
    with pytest.raises(OvglmError, match=words):
        Tokenizer(document)


@pytest.mark.parametrize(
    ("content", "words"), [(None, "has no"), ("{", "not valid"), ("[]", "not an object")]
)
def test_a_missing_or_broken_file_is_one_sentence(
    tmp_path: Path, content: str | None, words: str
) -> None:
    if content is not None:
        (tmp_path / "tokenizer.json").write_text(content, encoding="utf-8")
    with pytest.raises(OvglmError, match=words):
        Tokenizer.load(tmp_path)
