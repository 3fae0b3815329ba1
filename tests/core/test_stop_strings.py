"""Stop texts are found wherever tokens are cut, and nothing of them is ever shown."""

import random

import pytest

from ovglm.engine.stops import StopFinder
from ovglm.engine.text import AnswerText
from ovglm.messages import Sampling
from ovglm.tokens import Tokenizer, byte_to_char

STOP_ID = 256


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    """Ids are bytes; 256 is a control token."""
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    return Tokenizer(
        {
            "version": "1.0",
            "added_tokens": [{"id": STOP_ID, "content": "<|end|>", "special": True, **flags}],
            "pre_tokenizer": {
                "type": "ByteLevel",
                "add_prefix_space": False,
                "trim_offsets": True,
                "use_regex": False,
            },
            "model": {
                "type": "BPE",
                "vocab": {char: byte for byte, char in enumerate(byte_to_char())},
                "merges": [],
            },
        }
    )


def cut(text: str, stops: tuple[str, ...]) -> str:
    """Cut a text before the stop text that ends first, in the plainest way."""
    for end in range(1, len(text) + 1):
        starts = [end - len(stop) for stop in stops if text[:end].endswith(stop)]
        if starts:
            return text[: min(starts)]
    return text


def shown(pieces: list[str], stops: tuple[str, ...]) -> str:
    finder = StopFinder(stops)
    text = "".join(map(finder.push, pieces))
    return text if finder.is_found else text + finder.flush()


def test_a_stop_text_in_one_piece_is_cut_off() -> None:
    assert shown(["abcSTOPdef"], ("STOP",)) == "abc"


def test_the_beginning_of_a_stop_text_is_held_back() -> None:
    finder = StopFinder(("STOP",))
    assert finder.push("abST") == "ab"
    assert finder.push("O") == ""
    assert finder.push("P") == ""
    assert finder.is_found
    assert finder.push("more") == ""


def test_what_was_held_back_in_vain_is_shown_at_once() -> None:
    finder = StopFinder(("STOP",))
    assert finder.push("ST") == ""
    assert finder.push("ART") == "START"
    assert finder.push("S") == ""
    assert finder.flush() == "S"


def test_a_stop_text_that_begins_anew_inside_itself_is_found() -> None:
    assert shown(list("aababc"), ("abab",)) == "a"
    assert shown(list("aaab"), ("aab",)) == "a"


def test_of_several_stop_texts_the_one_that_ends_first_counts() -> None:
    assert shown(["xabcx"], ("abc", "b")) == "xa"
    assert shown(list("xabcx"), ("abc", "b")) == "xa"
    assert shown(["xabx"], ("ab", "b")) == "x"


def test_any_cutting_into_pieces_gives_the_same_text() -> None:
    numbers = random.Random(5)
    for _ in range(2000):
        text = "".join(numbers.choices("ab你", k=numbers.randint(0, 12)))
        stops = tuple(
            "".join(numbers.choices("ab你", k=numbers.randint(1, 3)))
            for _ in range(numbers.randint(1, 3))
        )
        ends = sorted(numbers.choices(range(len(text) + 1), k=3))
        pieces = [text[: ends[0]], text[ends[0] : ends[1]], text[ends[1] :]]
        assert shown(pieces, stops) == cut(text, stops), (text, stops, pieces)


def test_a_stop_text_inside_the_bytes_of_a_character(tokenizer: Tokenizer) -> None:
    answer = AnswerText(tokenizer, Sampling(stop=("好",)), [STOP_ID])
    chunks = [answer.push([byte]) for byte in "你好".encode()]
    assert "".join(chunk.text for chunk in chunks if chunk) == "你"
    assert answer.finish_reason == "stop"


def test_ids_after_a_stop_are_dropped_even_inside_one_push(tokenizer: Tokenizer) -> None:
    answer = AnswerText(tokenizer, Sampling(stop=("b",), logprobs=True), [STOP_ID])
    chunk = answer.push(list(b"abc"), [-1.0, -2.0, -3.0])
    assert chunk is not None
    assert chunk.token_ids == tuple(b"ab")
    assert chunk.logprobs == (-1.0, -2.0)
    assert (chunk.text, chunk.finish_reason) == ("a", "stop")
    assert answer.push(list(b"d")) is None


def test_a_stop_id_shows_what_was_held_back(tokenizer: Tokenizer) -> None:
    answer = AnswerText(tokenizer, Sampling(stop=("STOP",)), [STOP_ID])
    first = answer.push(list(b"xST"))
    last = answer.push([STOP_ID, 65])
    assert first is not None and last is not None
    assert (first.text, last.text) == ("x", "ST")
    assert (last.token_ids, last.finish_reason) == ((), "stop")


def test_the_token_limit_shows_what_was_held_back(tokenizer: Tokenizer) -> None:
    answer = AnswerText(tokenizer, Sampling(stop=("STOP",)), [STOP_ID])
    answer.push(list(b"xST"))
    last = answer.finish("length")
    assert (last.text, last.finish_reason) == ("ST", "length")


def test_a_stop_text_of_a_damaged_character_is_found_at_the_end(tokenizer: Tokenizer) -> None:
    answer = AnswerText(tokenizer, Sampling(stop=("\ufffd",)), [STOP_ID])
    answer.push([ord("a"), 0xE4])
    last = answer.finish("length")
    assert (last.text, last.finish_reason) == ("", "stop")
