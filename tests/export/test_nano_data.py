"""The miniature's training data, tokenizer and files."""

import itertools
import json
from pathlib import Path

import pytest
from safetensors import safe_open
from tokenizers import Tokenizer as PlainTokenizer

from nano_training.data import SKILLS, held_out_samples, training_samples
from nano_training.samples import Sample, is_held_out
from nano_training.vocabulary import (
    IGNORE,
    SIZE,
    SPECIAL,
    STOP,
    ChatFormat,
    build_tokenizer,
    special_ids,
)
from ovglm.nano import checkpoint_folder
from ovglm.template import ChatTemplate
from ovglm.tokens import Tokenizer

TRAINED = 4000


@pytest.fixture(scope="module")
def trained() -> list[Sample]:
    return list(itertools.islice(training_samples(7), TRAINED))


@pytest.fixture(scope="module")
def form() -> ChatFormat:
    folder = checkpoint_folder()
    tokenizer = PlainTokenizer.from_file(str(folder / "tokenizer.json"))
    return ChatFormat(folder / "chat_template.jinja", tokenizer)


def test_the_generator_is_deterministic(trained: list[Sample]) -> None:
    assert list(itertools.islice(training_samples(7), TRAINED)) == trained
    assert held_out_samples(20) == held_out_samples(20)


def test_another_seed_gives_other_samples(trained: list[Sample]) -> None:
    assert list(itertools.islice(training_samples(8), 100)) != trained[:100]


def test_no_training_sample_has_held_out_content(trained: list[Sample]) -> None:
    assert not [key for sample in trained for key in sample.keys if is_held_out(key)]


def test_every_evaluated_content_is_held_out() -> None:
    assert all(is_held_out(sample.keys[0]) for sample in held_out_samples(150))


def test_no_held_out_prompt_is_trained_on(trained: list[Sample]) -> None:
    prompts = {json.dumps(sample.messages, sort_keys=True) for sample in trained}
    asked = held_out_samples(150)
    assert not [s for s in asked if json.dumps(s.messages, sort_keys=True) in prompts]


def test_every_group_is_trained_and_asked(trained: list[Sample]) -> None:
    asked = [sample.group for sample in held_out_samples(100)]
    assert {sample.group for sample in trained} == set(SKILLS) == set(asked)
    assert all(asked.count(group) == 100 for group in SKILLS)


def test_a_sum_has_one_name_in_both_orders_and_is_nowhere_on_both_sides() -> None:
    sums = [s for s in held_out_samples(150) if s.group == "sums"]
    held_out = {tuple(sorted(s.answer.split(" = ")[0].split())) for s in sums}
    seen = (s for s in itertools.islice(training_samples(1), 20000) if s.group != "observation")
    texts = (m["content"] for s in seen for m in s.messages if m["role"] == "assistant")
    trained = {tuple(sorted(t.split(" = ")[0].split())) for t in texts if " = " in t}
    assert not {key for key in held_out & trained if "+" in key}


def test_samples_end_with_one_stop_id(trained: list[Sample], form: ChatFormat) -> None:
    tokenizer = PlainTokenizer.from_file(str(checkpoint_folder() / "tokenizer.json"))
    stops = {tokenizer.token_to_id(token) for token in STOP}
    for sample in trained:
        ids, labels = form.training_ids(sample)
        spoken = sum(message["role"] == "assistant" for message in sample.messages)
        assert labels[-1] in stops and len(ids) == len(labels)
        assert sum(label in stops for label in labels) == spoken


def test_only_answers_are_learned(form: ChatFormat) -> None:
    sample = next(s for s in training_samples(3) if s.group == "sums")
    tokenizer = PlainTokenizer.from_file(str(checkpoint_folder() / "tokenizer.json"))
    learned = [label for label in form.training_ids(sample)[1] if label != IGNORE]
    assert tokenizer.decode(learned, skip_special_tokens=False) == sample.answer + "<|user|>"


def test_prompts_are_the_beginning_of_training_texts(
    trained: list[Sample], form: ChatFormat
) -> None:
    for sample in trained[:500]:
        prompt = form.prompt_ids(sample)
        assert form.training_ids(sample)[0][: len(prompt)] == prompt


def test_prompts_are_those_of_the_package(trained: list[Sample], form: ChatFormat) -> None:
    folder = checkpoint_folder()
    template, tokenizer = ChatTemplate.load(folder), Tokenizer.load(folder)
    for sample in trained[:500]:
        text = template.render(sample.prompt)
        assert tokenizer.encode(text, allow_special=True) == form.prompt_ids(sample)


def test_the_template_writes_tools_as_glm4_does(form: ChatFormat) -> None:
    tool = {"type": "function", "function": {"name": "get_time", "description": "时间"}}
    messages = [
        {"role": "system", "content": "", "tools": [tool]},
        {"role": "user", "content": "几点？"},
        {"role": "assistant", "metadata": "get_time", "content": "{}"},
        {"role": "observation", "content": "9:00"},
    ]
    assert form.render(messages, generate=True) == (
        "[gMASK]<sop><|system|>\n你是一个名为 nano 的微型语言模型。\n\n# 可用工具"
        '\n\n## get_time\n\n{\n    "name": "get_time",\n    "description": "时间"\n}\n'
        "在调用上述函数时，请使用 Json 格式表示调用的参数。<|user|>\n几点？"
        "<|assistant|>get_time\n{}<|observation|>\n9:00<|assistant|>"
    )


def test_the_tokenizer_builds_the_same_twice(trained: list[Sample], form: ChatFormat) -> None:
    texts = [form.text(sample) for sample in trained[:1000]]
    assert build_tokenizer(texts).to_str() == build_tokenizer(texts).to_str()


def test_digits_and_special_tokens_stand_alone() -> None:
    tokenizer = PlainTokenizer.from_file(str(checkpoint_folder() / "tokenizer.json"))
    assert tokenizer.get_vocab_size() == SIZE <= 4096
    assert len(tokenizer.encode("1234567890", add_special_tokens=False).ids) == 10
    first = SIZE - len(SPECIAL)
    assert list(special_ids(tokenizer).values()) == list(range(first, SIZE))
    assert tokenizer.encode("1").tokens == ["[gMASK]", "<sop>", "1"]


def test_text_goes_through_the_tokenizer_unchanged() -> None:
    tokenizer = PlainTokenizer.from_file(str(checkpoint_folder() / "tokenizer.json"))
    for text in ("héllo  wörld\n\n\tx", "你好，世界！", "🙂 ok", "a = {'b': [1, 2]}\n    pass"):
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        assert tokenizer.decode(ids, skip_special_tokens=False) == text


def test_the_shipped_model_is_small() -> None:
    path = checkpoint_folder() / "model.safetensors"
    with safe_open(path, framework="numpy") as weights:
        shapes = [weights.get_slice(name).get_shape() for name in weights.keys()]
    count = sum(shape[0] * (shape[1] if len(shape) == 2 else 1) for shape in shapes)
    assert count <= 6_000_000 and path.stat().st_size <= 12_000_000


def test_two_steps_of_training_write_a_checkpoint(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from nano_training.data import WEIGHTS
    from nano_training.model import Shape
    from nano_training.train import Phase, Plan, run

    shape = Shape(hidden=64, ffn=64, layers=1, heads=1, groups=1)
    phase = Phase(1, WEIGHTS, 0.02, 0.004, decay_from=0.5, quantise_from=0.0)
    plan = Plan(
        tmp_path / "nano", (phase, phase), workers=1, asked=2, tokenizer_texts=2000, shape=shape
    )
    run(plan)
    config = json.loads((tmp_path / "nano" / "config.json").read_text(encoding="utf-8"))
    shipped = json.loads((checkpoint_folder() / "config.json").read_text(encoding="utf-8"))
    assert config.keys() == shipped.keys()
    assert {path.name for path in (tmp_path / "nano").iterdir()} >= {"model.safetensors"}
