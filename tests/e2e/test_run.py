"""`ovglm run` as a person meets it: a process, its two streams and its exit code."""

import os
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

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "ovglm", *arguments],
            env={**os.environ, "OVGLM_HOME": str(self.home)},
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
    assert len(done.stderr.splitlines()) == 1
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


def test_a_folder_without_a_manifest_is_refused_with_the_command_that_mends_it(
    with_nano: Shell, tmp_path: Path
) -> None:
    (folder,) = with_nano.exports()
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in folder.iterdir():
        if file.name != FILE_NAME:
            (copy / file.name).write_bytes(file.read_bytes())
    done = with_nano("run", str(copy), QUESTION)
    assert done.returncode == 1
    assert done.stdout == ""
    assert FILE_NAME in done.stderr and "try: ovglm export" in done.stderr


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
        (("glm-edge-4b-chat", "Hi"), "zai-org/glm-edge-4b-chat"),
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
