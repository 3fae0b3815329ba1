"""`ovglm run` as a person meets it: a process, its two streams and its exit code."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ovglm.manifest import FILE_NAME

QUESTION = "What is the capital of France?"


class Shell:
    """Runs ovglm with a store of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def __call__(self, *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "ovglm", *arguments],
            env={**os.environ, "OVGLM_HOME": str(self.home)},
            input=typed,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )

    def exports(self) -> list[Path]:
        """List all folders of the store, finished or not."""
        return sorted(self.home.glob("exports/*"))


@pytest.fixture
def ovglm(tmp_path: Path) -> Shell:
    """A store that is empty."""
    return Shell(tmp_path / "home")


@pytest.fixture(scope="module")
def with_nano(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A store in which nano is exported to INT4."""
    shell = Shell(tmp_path_factory.mktemp("with-nano"))
    done = shell("run", "nano", "Hi", "--max-new-tokens", "1")
    assert done.returncode == 0, done.stderr
    assert "nano is not exported yet" in done.stderr
    assert len(shell.exports()) == 1
    return shell


def test_nano_answers_from_its_int4_export_and_only_the_answer_is_on_stdout(
    with_nano: Shell,
) -> None:
    done = with_nano("run", "nano", QUESTION)
    assert done.returncode == 0, done.stderr
    assert "Paris" in done.stdout
    assert len(done.stdout.strip().splitlines()) == 1
    for figure in ("prompt ", "answer ", "first token ", "tokens/s", "CPU"):
        assert figure in done.stderr


def test_a_second_run_uses_the_export_of_the_first(with_nano: Shell) -> None:
    done = with_nano("run", "nano", QUESTION)
    assert "exporting" not in done.stderr
    assert len(done.stderr.splitlines()) == 2  # which device and why, and the figures
    assert len(with_nano.exports()) == 1


def test_the_exported_folder_itself_is_a_model(with_nano: Shell) -> None:
    (folder,) = with_nano.exports()
    assert (
        with_nano("run", str(folder), QUESTION).stdout == with_nano("run", "nano", QUESTION).stdout
    )


def test_the_token_limit_cuts_the_answer_and_says_so(with_nano: Shell) -> None:
    done = with_nano("run", "nano", QUESTION, "--max-new-tokens", "2")
    assert "answer 2 tokens" in done.stderr
    assert "cut at the token limit" in done.stderr


def test_one_seed_gives_one_answer(with_nano: Shell) -> None:
    options = ("--temperature", "2", "--seed", "5", "--max-new-tokens", "20")
    first, second = (with_nano("run", "nano", QUESTION, *options) for _ in range(2))
    assert first.returncode == 0, first.stderr
    assert first.stdout == second.stdout


def test_the_use_of_an_export_is_listed(with_nano: Shell) -> None:
    (export,) = json.loads(with_nano("list", "--json").stdout)["exported"]
    assert export["last_used"] and export["name"] == with_nano.exports()[0].name
    assert export["devices"] == ["CPU", "GPU", "NPU"]
    assert "Paris" in with_nano("run", export["name"], QUESTION).stdout


def test_json_from_stdin_has_answers_log_probabilities_and_figures(with_nano: Shell) -> None:
    done = with_nano("run", "nano", "--json", "--logprobs", "--n", "2", typed=QUESTION)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert "Paris" in document["text"] and len(document["answers"]) == 2
    assert all(one["logprob"] <= 0 for one in document["logprobs"])
    assert "".join(one["token"] for one in document["logprobs"]).strip() == document["text"]
    assert (document["model"], document["device"], document["engine"]) == ("nano", "CPU", "paged")


def test_a_stop_text_ends_the_answer_before_it(with_nano: Shell) -> None:
    done = with_nano("run", "nano", QUESTION, "--stop", "Paris")
    assert done.stdout == "The capital of France is \n"


def test_the_npu_answers_where_the_cpu_emulates_it(
    with_nano: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OVGLM_NPU_EMULATION", "1")
    first, second = (
        json.loads(with_nano("run", "nano", QUESTION, "--device", "NPU", "--json").stdout)
        for _ in range(2)
    )
    assert "Paris" in first["text"] and first["text"] == second["text"]
    assert (first["device"], first["is_emulated"], first["engine"]) == ("NPU", True, "static")
    assert second["cache"] == "warm"
    listed = json.loads(with_nano("cache", "list", "--json").stdout)["models"]
    assert "nano" in {one["model"] for one in listed}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process")
def test_ctrl_c_ends_cleanly_with_130(with_nano: Shell) -> None:
    # praise for repetition: the answer goes on until the context is full
    endless = ("--presence-penalty", "-2", "--frequency-penalty", "-2", "--max-new-tokens", "2000")
    process = subprocess.Popen(
        [sys.executable, "-m", "ovglm", "run", "nano", "Count from 1 to 100.", *endless],
        env={**os.environ, "OVGLM_HOME": str(with_nano.home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    assert process.stdout and process.stdout.read(1)
    process.send_signal(signal.SIGINT)
    answer, remarks = process.communicate(timeout=60)
    assert process.returncode == 130
    assert answer.endswith("\n") and len(answer) < 4000
    assert remarks.endswith("ovglm: stopped\n") and "Traceback" not in remarks


def test_a_whole_folder_without_a_manifest_is_run_as_another_tools(
    with_nano: Shell, tmp_path: Path
) -> None:
    (folder,) = with_nano.exports()
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    (copy / FILE_NAME).unlink()
    done = with_nano("run", str(copy), QUESTION)
    assert "Paris" in done.stdout
    assert "another tool made this folder" in done.stderr


def test_a_half_deleted_folder_is_refused_with_the_command_that_mends_it(
    with_nano: Shell, tmp_path: Path
) -> None:
    (folder,) = with_nano.exports()
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    for name in (FILE_NAME, "openvino_model.bin"):
        (copy / name).unlink()
    done = with_nano("run", str(copy), QUESTION)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "openvino_model.bin" in done.stderr and "try: ovglm export" in done.stderr


def test_weights_for_a_model_that_is_exported_are_refused(with_nano: Shell) -> None:
    (folder,) = with_nano.exports()
    done = with_nano("run", str(folder), QUESTION, "--weights", "int8")
    assert done.returncode == 1
    assert "--weights int8 has no effect" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nano", "Hi", "--device", "TPU"), "'TPU' is not the name of a device"),
        (("nano", "Hi", "--device", "GPU.9"), "no device GPU.9"),
        (("no-such-model", "Hi"), "'no-such-model' is neither"),
        (("nano", "Hi", "--top-p", "0.5"), "--top-p has no effect"),
        (("nano", "Hi", "--temperature", "-1"), "temperature is -1.0"),
        (("nano", "Hi", "--max-new-tokens", "0"), "max_new_tokens is 0"),
        (("nano", ""), "prompt is empty"),
    ],
)
def test_a_wrong_wish_is_two_lines_and_exports_nothing(
    ovglm: Shell, arguments: tuple[str, ...], message: str
) -> None:
    done = ovglm("run", *arguments)
    assert done.returncode == 1
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert lines[0].startswith("ovglm: ") and message in lines[0]
    assert len(lines) <= 2
    assert ovglm.exports() == []


def test_a_hub_that_does_not_answer_is_said(ovglm: Shell) -> None:
    done = ovglm("run", "glm-edge-4b-chat", "Hi")
    assert (done.returncode, done.stdout) == (1, "")
    asking, error, hint = done.stderr.splitlines()
    assert asking.startswith("asking ") and asking.endswith("for zai-org/glm-edge-4b-chat")
    assert error.startswith("ovglm: ") and error.endswith("cannot be reached: no connection")
    assert hint.startswith("try: ")
    assert ovglm.exports() == []
