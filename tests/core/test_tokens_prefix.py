"""What a tokenizer.json puts before a plain text, read from its post-processor."""

import json
from pathlib import Path
from typing import Any

import pytest

from ovglm.errors import OvglmError
from ovglm.nano import checkpoint_folder
from ovglm.tokens import Tokenizer


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """nano's tokenizer.json."""
    return json.loads((checkpoint_folder() / "tokenizer.json").read_text("utf-8"))


def _with(document: dict[str, Any], processor: object) -> Tokenizer:
    return Tokenizer({**document, "post_processor": processor})


def test_the_prefix_is_what_other_readers_write(document: dict[str, Any]) -> None:
    import tokenizers

    library = tokenizers.Tokenizer.from_file(str(checkpoint_folder() / "tokenizer.json"))
    tokenizer = Tokenizer(document)
    ids = library.encode("Hi").ids
    assert ids == [*tokenizer.prefix, *tokenizer.encode("Hi", allow_special=False)]
    assert len(tokenizer.prefix) == 2


def test_a_sequence_of_processors_is_looked_through(document: dict[str, Any]) -> None:
    own = document["post_processor"]
    sequence = {"type": "Sequence", "processors": [{"type": "ByteLevel"}, own]}
    assert _with(document, sequence).prefix == Tokenizer(document).prefix


@pytest.mark.parametrize("processor", [None, {"type": "ByteLevel"}])
def test_without_a_template_there_is_no_prefix(document: dict[str, Any], processor: object) -> None:
    assert _with(document, processor).prefix == ()


def test_what_stands_behind_the_text_is_no_prefix(document: dict[str, Any]) -> None:
    own = document["post_processor"]
    turned = {**own, "single": own["single"][::-1]}
    assert _with(document, turned).prefix == ()


@pytest.mark.parametrize(
    "change", [{"special_tokens": {}}, {"single": 3}, {"single": [{"SpecialToken": None}]}]
)
def test_a_damaged_one_is_refused(document: dict[str, Any], change: dict[str, Any]) -> None:
    with pytest.raises(OvglmError, match="post_processor is no template"):
        _with(document, {**document["post_processor"], **change})


def test_nanos_folder_gives_it(tmp_path: Path) -> None:
    assert Tokenizer.load(checkpoint_folder()).prefix == (2036, 2038)
