"""The command line around the commands: finding them, help, errors and exit codes."""

import json
import subprocess
import sys
import time
from argparse import ArgumentParser, Namespace
from types import SimpleNamespace

import pytest

from ovglm import __version__
from ovglm.cli import commands, main
from ovglm.cli.commands import list_names, load_command
from ovglm.errors import OvglmError
from ovglm.models import CATALOGUE

HEAVY = (
    "openvino",
    "nncf",
    "transformers",
    "torch",
    "tokenizers",
    "numpy",
    "rich",
    "jinja2",
    "prompt_toolkit",
    "psutil",
)


def _command(error: BaseException | None = None) -> SimpleNamespace:
    def add_arguments(parser: ArgumentParser) -> None:
        parser.add_argument("--number", type=int)

    def run(options: Namespace) -> int:
        if error:
            raise error
        return options.number or 0

    return SimpleNamespace(
        HELP="try", EXAMPLES="  ovglm try\n", add_arguments=add_arguments, run=run
    )


@pytest.fixture
def trial(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A command `try` in place of the real ones."""
    monkeypatch.setattr(commands, "CORE", {"try": "trial"})
    monkeypatch.setitem(sys.modules, "trial", _command())  # pyright: ignore[reportArgumentType]
    return monkeypatch


def _fail_with(trial: pytest.MonkeyPatch, error: BaseException) -> None:
    trial.setitem(sys.modules, "trial", _command(error))  # pyright: ignore[reportArgumentType]


def _exit_code(*arguments: str) -> object:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    return caught.value.code


@pytest.mark.usefixtures("trial")
def test_a_command_gives_the_exit_code() -> None:
    assert main(["try", "--number", "3"]) == 3


def test_an_error_is_two_lines_and_exit_1(
    trial: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _fail_with(trial, OvglmError("the disk is full: 3 MB left", hint="ovglm list"))
    assert main(["try"]) == 1
    output = capsys.readouterr()
    assert output.err == "ovglm: the disk is full: 3 MB left\ntry: ovglm list\n"
    assert output.out == ""


def test_an_error_without_a_hint_is_one_line(
    trial: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _fail_with(trial, OvglmError("no"))
    assert main(["try"]) == 1
    assert capsys.readouterr().err == "ovglm: no\n"


def test_a_bug_keeps_its_traceback(trial: pytest.MonkeyPatch) -> None:
    _fail_with(trial, ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        main(["try"])


def test_ctrl_c_is_exit_130(trial: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    _fail_with(trial, KeyboardInterrupt())
    assert main(["try"]) == 130
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.usefixtures("trial")
@pytest.mark.parametrize(
    "arguments",
    [["tyr"], ["try", "--number", "x"], ["try", "--numb", "3"], ["try", "more"], ["--number"]],
)
def test_a_wrong_use_is_two_lines_and_exit_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert _exit_code(*arguments) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("ovglm: ")
    assert lines[1].startswith("try: ovglm") and lines[1].endswith("--help")


def test_an_unknown_command_is_named_with_those_that_exist(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert _exit_code("exprot") == 2
    message = capsys.readouterr().err
    assert "'exprot'" in message
    assert all(name in message for name in ("cache", "chat", "export", "list", "rm", "run"))


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert _exit_code("--version") == 0
    assert capsys.readouterr().out == f"ovglm {__version__}\n"


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",)])
def test_help_lists_every_command_and_teaches_by_example(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert _exit_code(*arguments) == 0
    text = capsys.readouterr().out
    for name in list_names():
        command = load_command(name)
        assert command is not None
        assert f"  {name} " in text
        assert command.HELP in text
    assert 'ovglm run nano "' in text


@pytest.mark.parametrize("name", list_names())
def test_each_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = load_command(name)
    assert command is not None
    assert _exit_code(name, "--help") == 0
    text = capsys.readouterr().out
    assert command.HELP.split()[0] in text
    assert command.EXAMPLES.splitlines()[0] in text
    assert all(line.strip().startswith("ovglm ") for line in command.EXAMPLES.splitlines())
    assert "\n" not in command.HELP


def test_help_imports_nothing_slow_and_answers_at_once() -> None:
    code = (
        "import sys, ovglm.cli\n"
        "try: ovglm.cli.main(['--help'])\n"
        f"except SystemExit: print(*(set({HEAVY!r}) & set(sys.modules)), file=sys.stderr)\n"
    )
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.split() == []
    assert time.perf_counter() - start < 1.0  # 0.3 s on an idle machine; this one may be busy


def test_the_package_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ovglm", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"ovglm {__version__}\n"


def test_no_library_can_report_usage() -> None:
    code = (
        "import ovglm, nncf, openvino\n"
        "from nncf.telemetry.wrapper import telemetry\n"
        "from openvino.tools.ovc import telemetry_utils\n"
        "print(type(telemetry).__name__, telemetry_utils.tm.__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["MagicMock", "openvino.tools.ovc.telemetry_stub"]


def test_list_names_the_catalogue(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    text = capsys.readouterr().out
    assert all(name in text for name in CATALOGUE)


def test_list_as_json_is_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert list(answer["known"]) == list(CATALOGUE)
    assert answer["exported"] == []
