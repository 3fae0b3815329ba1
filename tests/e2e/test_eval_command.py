"""`ovglm eval` as a user runs it: tables, JSON, and what is refused before a model is loaded."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from harness_tasks import write_tasks
from ovglm.cli import main
from ovglm.eval import tasks as harness_tasks

TEXT = "Hello! How can I help you? 你好！有什么可以帮你？\n" * 6
QUIZ = (
    '{"question": "What is 3 + 4?", "choices": ["3 + 4 = 7", "3 + 4 = 9"], "answer": 0}\n'
    '{"question": "How are you?", "choices": ["Rome.", "I am fine, thank you."], "answer": "B"}\n'
)


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a text and a file of questions."""
    (tmp_path / "text.txt").write_text(TEXT, encoding="utf-8")
    (tmp_path / "quiz.jsonl").write_text(QUIZ, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for name in ("TQDM_DISABLE", "HF_HUB_DISABLE_TELEMETRY", "HF_DATASETS_DISABLE_PROGRESS_BARS"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("DISABLE_MULTIPROC", "1")
    return tmp_path


def _json(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main(["eval", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_table_shows_all_that_was_asked_for(
    nano: Path, files: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    told = ["--perplexity", "text.txt", "--choices", "quiz.jsonl", "--chat", "--exact"]
    assert main(["eval", str(nano), *told]) == 0
    out, err = capsys.readouterr()
    assert re.search(r"nano · int4-g128 · float32\nCPU ", out)
    assert re.search(r"text\.txt +\d+ +\d\.\d{4} +[\d,]+\.\d{4} +\d\.\d{4}\n", out)
    assert "windows of 2048 tokens, one every 1023" in out
    assert re.search(r"quiz\.jsonl +2 +100\.0% ± 0\.0% +100\.0% ± 0\.0% +50\.0%", out)
    assert max(map(len, out.splitlines())) <= 80
    assert "nano on CPU" in err


def test_json_holds_the_same_figures_and_limits_hold(
    nano_bf16: Path, files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(nano_bf16)
    told = ("--perplexity", "text.txt", "--choices", "quiz.jsonl", "--device", "CPU")
    found = _json(capsys, folder, *told)
    assert (found["model"], found["recipe"], found["device"]) == ("nano", "bf16", "CPU")
    assert found["arithmetic"] == "as the engine answers"
    text = found["perplexity"]["text.txt"]
    assert text["size"] == len(TEXT.encode()) and text["windows"]["context"] == 2048
    limited = _json(capsys, folder, *told, "--limit", "1", "--context", "32", "--stride", "8")
    assert limited["choices"]["quiz.jsonl"]["questions"] == 1


def test_a_limit_counts_tokens_of_a_text(
    nano: Path, files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = ("--perplexity", "text.txt", "--limit", "9", "--context", "32", "--stride", "8")
    text = _json(capsys, str(nano), *told)["perplexity"]["text.txt"]
    assert text["tokens"] == 9 and text["windows"] == {"context": 32, "stride": 8}


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_tasks_of_the_harness_run_from_a_folder(
    nano: Path, files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_tasks(files / "tasks")
    told = ("--tasks", "quiz,rolling", "--include-path", "tasks", "--limit", "2")
    found = _json(capsys, str(nano), *told)["tasks"]
    assert {(one["task"], one["metric"]) for one in found} == {
        ("quiz", "acc"),
        ("quiz", "acc_norm"),
        ("rolling", "word_perplexity"),
        ("rolling", "bits_per_byte"),
    }
    assert all(one["value"] is not None for one in found)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "there is nothing to measure"),
        (["--perplexity", "absent.txt"], "absent.txt cannot be read"),
        (["--choices", "text.txt"], "text.txt, line 1: this is not JSON"),
        (["--perplexity", "text.txt", "--device", "NPU"], "an NPU gives the tokens"),
        (["--perplexity", "text.txt", "--chat"], "--chat has no effect without --choices or"),
        (["--choices", "quiz.jsonl", "--stride", "5"], "--stride has no effect without"),
        (["--choices", "quiz.jsonl", "--fewshot", "0"], "--fewshot has no effect without"),
        (["--choices", "quiz.jsonl", "--include-path", "."], "--include-path has no effect"),
        (["--tasks", "quiz", "--include-path", "nowhere"], "--include-path nowhere is no folder"),
    ],
)
def test_what_cannot_be_measured_is_refused_before_anything_is_exported(
    home: Path,
    files: Path,
    arguments: list[str],
    words: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["eval", "nano", *arguments]) == 1
    out, err = capsys.readouterr()
    assert not out and words in err
    assert re.fullmatch(r"ovglm: .*\ntry: .*\n", err)
    assert not (home / "exports").exists()


def test_without_the_extra_tasks_name_it(
    files: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(harness_tasks, "find_spec", lambda name: None)
    assert main(["eval", "nano", "--tasks", "quiz"]) == 1
    assert 'try: pip install "ovglm[eval]"' in capsys.readouterr().err


def test_a_count_that_is_none_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as info:
        main(["eval", "nano", "--limit", "0"])
    assert info.value.code == 2
    assert "'0' is not a whole number from 1" in capsys.readouterr().err
