"""`ovglm models`: what a person and a program read."""

import json
from typing import Any

import pytest

from machines import CORE_CPU, LUNAR_NPU
from ovglm.cli import main
from ovglm.models import CATALOGUE
from ovglm.models.forecast import RECIPES, forecast


@pytest.fixture(autouse=True)
def _machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A laptop with 20 GB free and an NPU."""
    monkeypatch.setattr("ovglm.devices.list_devices", lambda: (CORE_CPU, LUNAR_NPU))


def _lines(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    assert main(["models", *arguments]) == 0
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("name", ["", "glm-edge-4b-chat", "glm-z1-rumination-32b-0414"])
def test_it_fits_the_terminal(
    columns: int,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = _lines(capsys, *([name] if name else []))
    assert max(map(len, lines)) <= columns
    assert "…" not in "".join(lines)


def test_the_table_tells_sizes_licence_and_what_fits(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = _lines(capsys)
    rows = {line.split()[0]: at for at, line in enumerate(lines) if line and line[0] != " "}
    assert set(CATALOGUE) <= rows.keys()
    at = rows["glm-4-9b-chat"]
    assert lines[at].split() == ["glm-4-9b-chat", "18.8", "5.5", "9.4", "18.8", "CPU", "32K"]
    assert "9.4 B, 128K, tools, GLM-4" in lines[at + 1]
    told = [forecast(CATALOGUE["glm-4-9b-chat"], weights, ()) for weights in RECIPES]
    memory = [f"{one.memory_bytes / 1e9:.1f}" for one in told]
    assert lines[at + 1].split()[-5:] == [*memory, "NPU", "1152"]
    assert "NPU no" in lines[rows["glm-4-32b-0414"] + 1]
    assert lines[rows["glm-4-32b-0414"]].split()[-3:] == ["CPU", "32K", "tight"]
    assert " inside " in lines[rows["nano"]]


def test_the_details_tell_every_recipe_on_every_device(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = " ".join(" ".join(_lines(capsys, "THUDM/glm-4-9b-chat")).split())
    for part in (
        "zai-org/glm-4-9b-chat or THUDM/glm-4-9b-chat (Hugging Face)",
        "ZhipuAI/glm-4-9b-chat (ModelScope)",
        "131072 tokens",
        "it was trained to call tools",
        "huggingface.co/zai-org/glm-4-9b-chat/blob/main/LICENSE",
        "download 18.8 GB",
        "int4 5.5 GB on disk",
        "CPU green 32768 tokens in 6.",
        " GB; --context takes up to 131072",
        "NPU no glm-4-9b-chat in int8 cannot run on NPU: the NPU wants INT4 weights, not int8",
        "→ ovglm chat glm-4-9b-chat",
    ):
        assert part in text


def test_a_base_model_is_called_one(capsys: pytest.CaptureFixture[str]) -> None:
    text = "\n".join(_lines(capsys, "glm-4-9b-hf"))
    assert "it has not learnt to chat" in text
    assert "ovglm chat" not in text


def test_an_unknown_name_is_answered_with_the_nearest_three(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["models", "edge-4b"]) == 1
    message, hint = capsys.readouterr().err.splitlines()
    assert message.startswith("ovglm: 'edge-4b' is no model of the catalogue; near it: glm-edge-4b")
    assert message.count(",") == 2
    assert hint == "try: ovglm models glm-edge-4b-chat"


def _one(capsys: pytest.CaptureFixture[str], name: str) -> dict[str, Any]:
    assert main(["models", name, "--json"]) == 0
    (one,) = json.loads(capsys.readouterr().out)["models"]
    return one


def test_a_program_reads_bytes_and_tokens(capsys: pytest.CaptureFixture[str]) -> None:
    one = _one(capsys, "glm-4-9b-chat-hf")
    assert one["download_bytes"] == 18_799_902_720
    assert one["context_length"] == 131072
    assert one["repositories"]["modelscope"] == ["ZhipuAI/glm-4-9b-chat-hf"]
    assert (one["tools"], one["thinks"], one["is_base"]) == ("native", False, False)
    assert set(one["recipes"]) == {"int4", "int8", "bf16"}
    cpu, npu = one["recipes"]["int8"]["devices"]
    assert (cpu["device"], cpu["verdict"], cpu["context"]) == ("CPU", "green", 32768)
    assert npu["verdict"] == "no" and "INT4" in npu["reason"]


def test_what_nobody_knows_is_null(capsys: pytest.CaptureFixture[str]) -> None:
    one = _one(capsys, "glm-z1-rumination-32b-0414")
    assert one["tools"] is None and one["thinks"] is None


def test_all_models_are_in_the_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "--json"]) == 0
    assert [one["name"] for one in json.loads(capsys.readouterr().out)["models"]] == list(CATALOGUE)
