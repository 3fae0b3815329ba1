"""The fixed texts: held out from calibration, complete, and written as each model writes."""

import json
from pathlib import Path

import pytest

from ovglm.errors import OvglmError
from ovglm.nano import checkpoint_folder
from ovglm.tokens import Tokenizer
from ovglm_export.calibration import BUILTIN, check_calibration
from ovglm_export.calibration.documents import Document
from ovglm_export.verify.samples import TEXTS, make_samples
from tiny_glm import write_checkpoint, write_json


def lines_of(document: Document) -> set[str]:
    """Collect a document's lines that are long enough to be no coincidence."""
    texts = [document.text, *(message.content for message in document.messages)]
    lines = {line.strip() for text in texts for line in text.splitlines()}
    return {line for line in lines if len(line) > 12}


def test_no_line_is_calibrated_on() -> None:
    calibration = set().union(*map(lines_of, check_calibration(BUILTIN)))
    fixed = set().union(*map(lines_of, TEXTS))
    assert len(calibration) > 20 and len(fixed) > 100
    assert not calibration & fixed


def test_quick_is_the_beginning_of_one_text_of_each_group() -> None:
    quick, full = (make_samples(checkpoint_folder(), level, 2048) for level in ("quick", "full"))
    groups = {(one.language, one.kind) for one in full}
    assert len(quick) == len(groups) == 10
    assert all(any(one.ids == other.ids[:32] for other in full) for one in quick)
    assert sum(len(one.ids) for one in full) > 3000
    assert max(len(one.ids) for one in full) <= 512


def test_texts_are_written_in_the_model_s_own_format() -> None:
    tokenizer = Tokenizer.load(checkpoint_folder())
    found = make_samples(checkpoint_folder(), "full", 2048)
    texts = [tokenizer.decode(one.ids, skip_special=False) for one in found]
    assert all(text.startswith("[gMASK]<sop>") for text in texts)
    called = next(text for text, one in zip(texts, found, strict=True) if one.kind == "tools")
    assert '<|assistant|>get_time\n{"city": "Lima"}<|observation|>' in called


def test_no_sample_is_longer_than_the_context() -> None:
    assert max(len(one.ids) for one in make_samples(checkpoint_folder(), "full", 100)) == 100


def test_a_base_model_reads_the_bare_texts(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "base")
    config = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    del config["chat_template"]
    write_json(folder / "tokenizer_config.json", config)
    tokenizer = Tokenizer.load(folder)
    for sample in make_samples(folder, "full", 512):
        assert "<|user|>" not in tokenizer.decode(sample.ids, skip_special=False)


def test_a_tokenizer_with_too_many_words_is_refused(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "small", vocab_size=100)
    with pytest.raises(OvglmError, match="the tokenizer does not match the model"):
        make_samples(folder, "quick", 512)
