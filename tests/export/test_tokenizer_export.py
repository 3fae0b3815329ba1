"""The exported tokenizer: complete, equal for every reader, and made without foreign code."""

import base64
import json
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import openvino_genai
import pytest
import transformers

from ovglm.errors import CheckpointError, OvglmError
from ovglm.template import ChatTemplate, encode_chat
from ovglm.tokens import TextStream, Tokenizer, byte_to_char
from ovglm_export.tokenizer import export_tokenizer, stop_ids
from small_bpe import TEXTS as COMMON_TEXTS
from small_bpe import save_with_prefix, train_bpe
from tiny_glm import SPECIAL, TEMPLATE

NAMED = [{"name": "rag", "template": "t"}]
TEXTS = [
    *COMMON_TEXTS,
    "\x01\x7f\ufeff\u200b\u2028\u3000\u00a0",
    "1234567890 ١٢٣ ½ Ⅷ",
    "word " * 3000,
]
FILES = [
    "chat_template.jinja", "generation_config.json", "openvino_detokenizer.bin",
    "openvino_detokenizer.xml", "openvino_tokenizer.bin", "openvino_tokenizer.xml",
    "tokenizer.json", "tokenizer_config.json",
]  # fmt: skip


def write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value), encoding="utf-8")


def make_source(folder: Path, layout: str) -> Path:
    """Write a checkpoint's small files: in the Hugging Face layout, or in the original one."""
    folder.mkdir()
    built = train_bpe(TEXTS * 2, 600)
    size = built.get_vocab_size()
    config: dict[str, Any] = {"eos_token": "<|endoftext|>", "model_max_length": 1000}
    config |= {"chat_template": TEMPLATE, "padding_side": "right"}
    if layout == "original":
        char_to_byte = {char: byte for byte, char in enumerate(byte_to_char())}
        lines = [
            base64.b64encode(bytes(map(char_to_byte.__getitem__, token))) + f" {rank}\n".encode()
            for token, rank in sorted(built.get_vocab().items(), key=lambda item: item[1])
        ]
        (folder / "tokenizer.model").write_bytes(b"".join(lines))
        config |= {"auto_map": {"AutoTokenizer": ["tokenization_chatglm.Trap", None]}}
        config |= {"tokenizer_class": "Trap"}
        trap = f"open({str(folder / 'trapped')!r}, 'w').close()\nclass Trap: pass\n"
        (folder / "tokenization_chatglm.py").write_text(trap, encoding="utf-8")
    else:
        built.add_special_tokens(SPECIAL)
        save_with_prefix(built, folder)
    write_json(folder / "tokenizer_config.json", config)
    write_json(folder / "config.json", {"vocab_size": 704, "eos_token_id": [size, size + 7]})
    write_json(folder / "generation_config.json", {"eos_token_id": size, "top_p": 0.8})
    return folder


@pytest.fixture(scope="module", params=["original", "hugging_face"])
def source(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_source(tmp_path_factory.mktemp("source") / "checkpoint", request.param)


@pytest.fixture(scope="module")
def exported(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("exported")
    export_tokenizer(source, output)
    return output


def random_texts(seed: int, count: int) -> list[str]:
    rng = random.Random(seed)
    pools = [*TEXTS, "abcdeSTL' ", "\r\n\t  \u3000", "é\u0301ſİß", "{}()+=<>|"]
    return [
        "".join(rng.choice(rng.choice(pools)) for _ in range(rng.randrange(1, 50)))
        for _ in range(count)
    ]


def test_the_folder_is_complete_and_no_code_of_the_checkpoint_ran(
    source: Path, exported: Path
) -> None:
    assert sorted(file.name for file in exported.iterdir()) == FILES
    assert not (source / "trapped").exists()
    assert "auto_map" not in (exported / "tokenizer_config.json").read_text(encoding="utf-8")
    assert (exported / "chat_template.jinja").read_text(encoding="utf-8") == TEMPLATE


def test_a_second_export_gives_the_same_bytes(source: Path, exported: Path, tmp_path: Path) -> None:
    export_tokenizer(source, tmp_path)
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (exported / name).read_bytes(), name


def test_text_comes_back_and_streams_in_whole_characters(exported: Path) -> None:
    tokenizer = Tokenizer.load(exported)
    for text in [*TEXTS, *SPECIAL, *random_texts(0, 200)]:
        ids = tokenizer.encode(text, allow_special=False)
        stream = TextStream(tokenizer)
        assert tokenizer.decode(ids) == text
        assert "".join(map(stream.push, ids)) + stream.flush() == text


def test_the_ir_gives_the_same_ids_and_text_as_python(exported: Path) -> None:
    tokenizer, ir = Tokenizer.load(exported), openvino_genai.Tokenizer(str(exported))
    for text in [*TEXTS, "a<|user|>b", *random_texts(1, 300)]:
        ids = tokenizer.encode(text, allow_special=True)
        assert ir.encode(text, add_special_tokens=False).input_ids.data.tolist() == [ids]
        assert ir.decode(ids) == tokenizer.decode(ids)


def test_transformers_reads_the_folder_without_foreign_code(exported: Path) -> None:
    tokenizer = Tokenizer.load(exported)
    theirs = transformers.AutoTokenizer.from_pretrained(exported)
    assert theirs.padding_side == "left"
    assert theirs.eos_token == theirs.pad_token == "<|endoftext|>"
    prefix = [tokenizer.token_id("[gMASK]"), tokenizer.token_id("<sop>")]
    for text in TEXTS:
        ids = tokenizer.encode(text, allow_special=True)
        assert theirs.encode(text, add_special_tokens=False) == ids
        assert theirs.encode(text) == [*prefix, *ids]


def test_the_runtime_finds_template_padding_and_end(source: Path, exported: Path) -> None:
    tokenizer, ir = Tokenizer.load(exported), openvino_genai.Tokenizer(str(exported))
    end = tokenizer.token_id("<|endoftext|>")
    assert ir.get_eos_token_id() == ir.get_pad_token_id() == end
    messages = [{"role": "user", "content": "你好"}]
    prompt = ir.apply_chat_template(messages, add_generation_prompt=True)
    template = ChatTemplate.load(exported)
    assert prompt == template.render(messages)
    ids = ir.encode(prompt, add_special_tokens=False).input_ids.data.tolist()
    assert ids == [encode_chat(template, tokenizer, messages)]
    batch = ir.encode(["a", "a b c"], add_special_tokens=False)
    shorter = batch.attention_mask.data.tolist()[0]
    assert shorter == sorted(shorter)
    assert sum(shorter) == 1
    config = openvino_genai.GenerationConfig(str(exported / "generation_config.json"))
    assert config.stop_token_ids == set(stop_ids(source))


def test_all_stop_ids_are_written_and_other_settings_kept(source: Path, exported: Path) -> None:
    tokenizer = Tokenizer.load(exported)
    names = ("<|endoftext|>", "<|user|>", "<|observation|>")
    expected = tuple(tokenizer.token_id(name) for name in names)
    assert stop_ids(source) == expected
    written = json.loads((exported / "generation_config.json").read_text(encoding="utf-8"))
    assert written == {"eos_token_id": [*expected], "top_p": 0.8, "pad_token_id": expected[0]}


def test_the_export_needs_no_torch(source: Path, exported: Path, tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        f"sys.path[:0] = {sys.path!r}\n"
        "from pathlib import Path\n"
        "from ovglm_export.tokenizer import export_tokenizer\n"
        f"export_tokenizer(Path({str(source)!r}), Path({str(tmp_path)!r}))\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (exported / name).read_bytes(), name


def edit(path: Path, changes: dict[str, Any]) -> None:
    write_json(path, {**json.loads(path.read_text(encoding="utf-8")), **changes})


@pytest.mark.parametrize(
    ("file", "changes", "words"),
    [
        ("config.json", {"vocab_size": 300}, "the model only 300"),
        ("config.json", {"eos_token_id": "x"}, "not token ids"),
        ("config.json", {"eos_token_id": [1, None]}, "not token ids"),
        ("config.json", {"eos_token_id": 703}, "703 is beyond the tokenizer"),
        ("tokenizer_config.json", {"eos_token": "<nothing>"}, "'<nothing>'"),
        ("tokenizer_config.json", {"chat_template": NAMED}, "no chat template named 'default'"),
    ],
)
def test_contradicting_files_are_refused_and_nothing_is_written(
    source: Path, tmp_path: Path, file: str, changes: dict[str, Any], words: str
) -> None:
    folder, output = tmp_path / "source", tmp_path / "output"
    shutil.copytree(source, folder)
    output.mkdir()
    edit(folder / file, changes)
    with pytest.raises(OvglmError, match=words):
        export_tokenizer(folder, output)
    assert list(output.iterdir()) == []


def test_a_checkpoint_without_a_tokenizer_is_refused(source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "source"
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("tokenizer.*"))
    for call in (lambda: export_tokenizer(folder, tmp_path), lambda: stop_ids(folder)):
        with pytest.raises(CheckpointError, match="has no tokenizer") as caught:
            call()
        assert caught.value.hint


def test_a_broken_tokenizer_json_is_refused(source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "source"
    shutil.copytree(source, folder)
    (folder / "tokenizer.json").write_text('{"model": ', encoding="utf-8")
    with pytest.raises(CheckpointError, match="not valid JSON"):
        export_tokenizer(folder, tmp_path)
