"""`ovglm pull` and hub names as a person meets them: processes, their streams, their exit codes."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ovglm.nano import checkpoint_folder
from small_hub import Content, Fault, SmallHub, pattern

REPO = "zai-org/glm-edge-1.5b-chat"
QUESTION = "What is the capital of France?"
CONFIG = b'{"model_type": "glm"}'


def _start(hub: SmallHub, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "ovglm", *arguments],
        env={**os.environ, "HF_ENDPOINT": hub.address},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


def _run(hub: SmallHub, *arguments: str) -> tuple[int, str, str]:
    process = _start(hub, *arguments)
    out, errors = process.communicate()
    return process.returncode, out, errors


def _files(folder: Path) -> dict[str, bytes | Content]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_from_a_short_name_to_an_answer(hub: SmallHub) -> None:
    hub.add(REPO, _files(checkpoint_folder()))
    code, out, errors = _run(hub, "run", "glm-edge-1.5b-chat", QUESTION)
    assert code == 0, errors
    assert out == "The capital of France is Paris.\n"
    said = ["asking", "a checkpoint, 6 files", "fetching", "fetched and checked", "exporting"]
    assert [word for word in said if word in errors] == said
    hub.requests.clear()
    code, out, errors = _run(hub, "run", REPO, QUESTION)
    assert (code, out, hub.requests) == (0, "The capital of France is Paris.\n", [])


def test_export_notes_where_the_model_came_from(hub: SmallHub, tmp_path: Path) -> None:
    repo = hub.add("org/glm", _files(checkpoint_folder()))
    code, _, errors = _run(hub, "export", "org/glm", "-o", str(tmp_path / "out"))
    assert code == 0, errors
    source = json.loads((tmp_path / "out" / "ovglm.json").read_text("utf-8"))["source"]
    assert (source["repo"], source["revision"]) == ("org/glm", repo.commit)
    assert (source["hub"], source["followed"]) == ("huggingface", "main")
    assert "ovglm-source.json" not in source["files"]


def test_ir_on_a_hub_is_pulled_checked_and_used(hub: SmallHub, nano: Path) -> None:
    foreign = {name: one for name, one in _files(nano).items() if name != "ovglm.json"}
    hub.add("org/nano-int4-ov", foreign)
    code, out, errors = _run(hub, "run", "org/nano-int4-ov", QUESTION)
    assert code == 0, errors
    assert out == "The capital of France is Paris.\n"
    assert "OpenVINO IR" in errors and "exporting" not in errors


def test_ir_that_is_damaged_is_refused_by_the_pull(hub: SmallHub, nano: Path) -> None:
    foreign = {name: one for name, one in _files(nano).items() if name != "ovglm.json"}
    hub.add("org/bad-ov", {**foreign, "openvino_model.xml": b"<net/>"})
    code, _, errors = _run(hub, "pull", "org/bad-ov")
    assert code == 1
    assert "is no readable IR" in errors and "Traceback" not in errors


def test_a_refusal_is_two_lines_after_what_is_asked(hub: SmallHub) -> None:
    hub.add("org/old", {"config.json": CONFIG, "pytorch_model.bin": pattern(9000)})
    code, out, errors = _run(hub, "pull", "org/old")
    asked, refused, hint = errors.splitlines()
    assert (code, out) == (1, "")
    assert asked.startswith("asking 127.0.0.1:") and asked.endswith("for org/old")
    assert refused.startswith("ovglm: org/old holds only pickled") and hint.startswith("try: ")


def test_the_json_object_stands_alone_on_stdout(hub: SmallHub) -> None:
    repo = hub.add("org/glm", {"config.json": CONFIG, "model.safetensors": pattern(9000)})
    code, out, _ = _run(hub, "pull", "org/glm", "--json")
    told = json.loads(out)
    assert (code, told["revision"], told["kind"]) == (0, repo.commit, "checkpoint")
    assert Path(told["folder"]).is_dir()
    assert json.loads(_run(hub, "pull", "org/glm", "--json", "--offline")[1]) == told


def test_a_second_process_waits_and_fetches_nothing(hub: SmallHub) -> None:
    hub.add("org/glm", {"config.json": CONFIG, "model.safetensors": pattern(5_000_000)})
    hub.fail("Signature", Fault(stall_after=1_000_000))
    first = _start(hub, "pull", "org/glm")
    hub.wait_until_served(1_000_000)
    second = _start(hub, "pull", "org/glm")
    assert second.stderr is not None
    said = [second.stderr.readline() for _ in range(4)]
    assert said[-1] == "another process is pulling org/glm: waiting until it is done\n"
    hub.released.set()
    assert (first.communicate()[0] == second.communicate()[0]) and first.returncode == 0
    assert second.returncode == 0
    assert hub.served["model.safetensors"] < 6_500_000


@pytest.mark.skipif(os.name == "nt", reason="a signal of POSIX")
def test_ctrl_c_ends_at_once_and_keeps_what_came(hub: SmallHub) -> None:
    hub.add("org/glm", {"config.json": CONFIG, "model.safetensors": pattern(60_000_000)})
    hub.fail("Signature", *[Fault(stall_after=1_000_000)] * 4)
    process = _start(hub, "pull", "org/glm")
    hub.wait_until_served(4_000_000)
    process.send_signal(signal.SIGINT)
    hub.released.set()
    _, errors = process.communicate()
    assert process.returncode == 130
    assert errors.splitlines()[-2:] == [
        "what was fetched is kept; the same command goes on",
        "ovglm: stopped",
    ]
    assert _run(hub, "pull", "org/glm")[0] == 0
    assert hub.served["model.safetensors"] < 70_000_000


def test_verify_takes_the_checkpoint_of_a_hub(hub: SmallHub, nano: Path, tmp_path: Path) -> None:
    hub.add("org/glm", _files(checkpoint_folder()))
    export = shutil.copytree(nano, tmp_path / "export")
    code, out, errors = _run(hub, "verify", str(export), "--against", "org/glm", "--quick")
    assert code == 0, errors
    assert "fetched and checked" in errors and out
