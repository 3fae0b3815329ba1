"""`ovglm run` with an engine that answers from a list: what is asked, printed and refused."""

import io
import json
from pathlib import Path

import pytest

from ovglm.answers import FullAnswer, FullReply
from ovglm.assistant import Assistant
from ovglm.cli import main
from ovglm.cli.reply_json import reply_to_json
from ovglm.devices.options import RuntimeOptions
from ovglm.engine.answer import QueuedAnswer
from ovglm.messages import Chunk, Usage
from stored import write_export
from talking import FAILS, ScriptedEngine, prompts, talking_assistant


class Loader:
    """Takes the place of load_assistant; remembers what was asked of it."""

    def __init__(self, assistant: Assistant) -> None:
        self.assistant = assistant
        self.device = ""
        self.options = RuntimeOptions()

    def __call__(self, folder: Path, device: str, options: RuntimeOptions) -> Assistant:
        self.device, self.options = device, options
        return self.assistant

    @property
    def engine(self) -> ScriptedEngine:
        assert isinstance(self.assistant.engine, ScriptedEngine)
        return self.assistant.engine


@pytest.fixture
def model(tmp_path: Path) -> str:
    """An exported folder without weights."""
    folder = write_export(tmp_path / "glm")
    (folder / "chat_template.jinja").write_text("{{ messages[0].content }}")
    return str(folder)


@pytest.fixture
def loader(monkeypatch: pytest.MonkeyPatch) -> Loader:
    loader = Loader(talking_assistant("Paris."))
    monkeypatch.setattr("ovglm.assistant.load_assistant", loader)
    return loader


def _pipe(monkeypatch: pytest.MonkeyPatch, raw: bytes) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(raw)))


def test_the_answer_is_on_stdout_and_the_figures_are_not(
    model: str, loader: Loader, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", model, "Capital?", "--system", "Be brief."]) == 0
    output = capsys.readouterr()
    assert output.out == "Paris.\n"
    assert "answer 6 tokens" in output.err and "CPU" in output.err
    assert prompts(loader.assistant) == ["<|system|>\nBe brief.<|user|>\nCapital?<|assistant|>"]
    assert loader.engine.is_closed


@pytest.mark.parametrize("arguments", [[], ["-"]], ids=["no prompt", "dash"])
@pytest.mark.parametrize("raw", ["你好\n".encode(), b"\xef\xbb\xbf" + "你好\r\n".encode()])
def test_the_prompt_can_come_from_stdin(
    model: str,
    loader: Loader,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    raw: bytes,
) -> None:
    _pipe(monkeypatch, raw)
    assert main(["run", model, *arguments]) == 0
    assert prompts(loader.assistant) == ["<|user|>\n你好<|assistant|>"]


def test_a_prompt_on_the_command_line_goes_before_stdin(
    model: str, loader: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    _pipe(monkeypatch, b"not this")
    assert main(["run", model, "this"]) == 0
    assert prompts(loader.assistant) == ["<|user|>\nthis<|assistant|>"]


@pytest.mark.parametrize(("raw", "message"), [(b"", "prompt is empty"), (b"\xff", "not UTF-8")])
@pytest.mark.usefixtures("loader")
def test_a_stdin_without_text_is_refused(
    model: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    raw: bytes,
    message: str,
) -> None:
    _pipe(monkeypatch, raw)
    assert main(["run", model]) == 1
    assert message in capsys.readouterr().err


def test_device_and_options_reach_the_loader(model: str, loader: Loader) -> None:
    assert main(["run", model, "?", "--device", "NPU,CPU", "--context", "512", "--no-cache"]) == 0
    assert loader.device == "NPU,CPU"
    assert loader.options == RuntimeOptions(context=512, cache=False)
    assert main(["run", model, "?"]) == 0
    assert loader.device == "AUTO"


def test_the_draft_model_is_a_model_like_any_other(
    model: str, loader: Loader, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    draft = write_export(tmp_path / "small")
    assert main(["run", model, "?", "--draft", str(draft)]) == 0
    assert loader.options.draft == draft
    assert main(["run", model, "?", "--draft", "glm-small"]) == 1
    assert "'glm-small'" in capsys.readouterr().err


def test_sampling_reaches_the_engine(model: str, loader: Loader) -> None:
    assert main(["run", model, "?", "--stop", "X", "--stop", "Y", "--max-new-tokens", "3"]) == 0
    sampling = loader.engine.requests[0][1]
    assert (sampling.stop, sampling.max_new_tokens) == (("X", "Y"), 3)


@pytest.mark.usefixtures("loader")
def test_json_is_one_object_with_everything(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", model, "Capital?", "--json"]) == 0
    output = capsys.readouterr()
    document = json.loads(output.out)
    assert (document["text"], document["finish_reason"]) == ("Paris.", "stop")
    assert document["usage"]["reply_tokens"] == 6
    assert (document["model"], document["device"]) == ("fake", "CPU")
    assert document["reason"] and "answers" not in document and "logprobs" not in document
    assert output.err == ""


@pytest.mark.usefixtures("loader")
def test_several_answers_are_all_in_the_json(
    model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", model, "?", "--json", "--n", "3"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [one["text"] for one in document["answers"]] == ["Paris."] * 3
    assert document["text"] == "Paris."
    assert document["usage"]["reply_tokens"] == 18


def test_log_probabilities_stand_beside_their_tokens() -> None:
    reply = FullReply((FullAnswer("Hi", "stop", (72, 105), (-0.1, -0.2)),), Usage(1, 2, 0.1, 0.2))
    document = reply_to_json(talking_assistant("x"), reply)
    assert document["logprobs"] == [
        {"id": 72, "token": "H", "logprob": -0.1},
        {"id": 105, "token": "i", "logprob": -0.2},
    ]


@pytest.mark.usefixtures("loader")
@pytest.mark.parametrize(
    ("option", "hint"), [(["--n", "2"], "--n 2 --json"), (["--logprobs"], "--logprobs --json")]
)
def test_what_only_json_shows_is_refused_without_it(
    model: str, capsys: pytest.CaptureFixture[str], option: list[str], hint: str
) -> None:
    assert main(["run", model, "?", *option]) == 1
    assert capsys.readouterr().err.endswith(f"no effect without --json\ntry: {hint}\n")


def test_an_error_amid_the_answer_is_exit_1_and_the_model_is_freed(
    model: str, loader: Loader, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(loader, "assistant", talking_assistant(f"Par{FAILS}"))
    assert main(["run", model, "?"]) == 1
    output = capsys.readouterr()
    assert output.out == "Par\n"
    assert output.err == "ovglm: the engine stumbled\ntry: ovglm doctor\n"
    assert loader.engine.is_closed


def test_ctrl_c_amid_the_answer_is_exit_130_and_the_model_is_freed(
    model: str, loader: Loader, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> QueuedAnswer:
        answer = QueuedAnswer(lambda: None)
        answer.put(Chunk((80,), "P"))
        answer.fail(KeyboardInterrupt())
        return answer

    monkeypatch.setattr(loader.engine, "submit", interrupted)
    assert main(["run", model, "?"]) == 130
    assert capsys.readouterr() == ("P\n", "ovglm: stopped\n")
    assert loader.engine.is_closed
