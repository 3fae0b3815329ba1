"""Writes small tasks of lm-evaluation-harness, one of each kind, with their data beside them."""

import json
from pathlib import Path

__all__ = ["CHOICES", "TASKS", "write_tasks"]

_QUIZ = (
    ("Which city is the capital of France?", ["Rome", "Paris", "Oslo"], 1),
    ("What is 7 + 6?", ["13", "12"], 0),
    ("德国的首都是哪里？", ["德国的首都是柏林。", "德国的首都是东京。"], 0),
    ("Say: red boat", ["red boat", "blue boat", "a red train"], 0),
    ("Count from 3 to 6.", ["3, 4, 6, 5", "3, 4, 5, 6"], 1),
    ("How are you?", ["You live in Rome.", "I am fine, thank you."], 1),
)
CHOICES = tuple(dict(zip(("question", "choices", "answer"), one, strict=True)) for one in _QUIZ)
_PAIRS = (
    {"text": "The capital of Japan is", "target": " Tokyo."},
    {"text": "1, 2, 3, 4,", "target": " 5"},
    {"text": "你好！有什么可以", "target": "帮你？"},
    {"text": "", "target": "Hello! How can I help you?"},
    {"text": "I am nano, a miniature ", "target": "GLM."},
)
_TEXTS = (
    {"text": "Hello! How can I help you? The capital of Italy is Rome. 3 + 4 = 7."},
    {"text": "法国的首都是巴黎。1，2，3，4，5。 " * 12},
)
_PROMPTS = (
    {"text": "What is the capital of Spain?", "target": "The capital of Spain is Madrid."},
    {"text": "Repeat: green lamp", "target": "green lamp"},
    {"text": "Count from 1 to 5.", "target": "1, 2, 3, 4, 5"},
)
_COMMON = """\
task: {name}
dataset_path: json
dataset_kwargs: {{data_files: {{test: {data!r}}}, cache_dir: {cache!r}}}
test_split: test
output_type: {kind}
"""
_KINDS = {
    "quiz": (
        "multiple_choice",
        'doc_to_text: "{{question}}"\n'
        "doc_to_choice: choices\n"
        "doc_to_target: answer\n"
        "num_fewshot: 1\n"
        "metric_list: [{metric: acc}, {metric: acc_norm}]\n",
        CHOICES,
    ),
    "pairs": (
        "loglikelihood",
        'doc_to_text: "{{text}}"\n'
        'doc_to_target: "{{target}}"\n'
        "metric_list: [{metric: perplexity}, {metric: acc}]\n",
        _PAIRS,
    ),
    "rolling": (
        "loglikelihood_rolling",
        'doc_to_text: ""\n'
        'doc_to_target: "{{text}}"\n'
        "metric_list: [{metric: word_perplexity}, {metric: bits_per_byte}]\n",
        _TEXTS,
    ),
    "answers": (
        "generate_until",
        'doc_to_text: "{{text}}"\n'
        'doc_to_target: "{{target}}"\n'
        'generation_kwargs: {until: ["\\n\\n", "4"], max_gen_toks: 24, do_sample: false}\n'
        "metric_list: [{metric: exact_match}]\n",
        _PROMPTS,
    ),
}
TASKS = tuple(_KINDS)


def write_tasks(folder: Path) -> Path:
    """Write the tasks quiz, pairs, rolling and answers; their cached data stays in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (kind, fields, rows) in _KINDS.items():
        data = folder / f"{name}.jsonl"
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        data.write_text(lines, encoding="utf-8")
        paths = {"data": data.as_posix(), "cache": (folder / "cache").as_posix()}
        text = _COMMON.format(name=name, kind=kind, **paths) + fields
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder
