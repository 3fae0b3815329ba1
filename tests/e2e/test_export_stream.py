"""`ovglm export --stream` as a person or a program meets it: streams, exit codes, a folder."""

import json
import re
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest

from export_calls import Streams, export, refuse
from ovglm.cli import main
from ovglm.hub import pull
from ovglm.manifest import check_files, read_manifest
from ovglm_export import command, pipeline
from small_hub import SmallHub
from streamed import REPO, publish, shards_of, small_hub, write_shards


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint in several shards; read-only for the tests."""
    return write_shards(tmp_path_factory.mktemp("models") / "source")


@pytest.fixture
def hub(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallHub]:
    """A hub that holds it."""
    with small_hub(monkeypatch) as one:
        publish(one, checkpoint)
        yield one


def test_it_says_what_it_will_take_and_what_it_made(
    hub: SmallHub, checkpoint: Path, tmp_path: Path, capfd: Streams
) -> None:
    output = tmp_path / "output"
    assert export(REPO, "--stream", "-o", output) == 0
    found = capfd.readouterr()
    asked, told = found.err.splitlines()
    assert asked.startswith("asking 127.0.0.1:") and asked.endswith(f" for {REPO}")
    assert " to fetch, layer by layer; this takes up to " in told
    assert told.endswith(" of disk")
    what, where, then = found.out.splitlines()
    assert what.startswith("small-glm: int4-g128, ")
    assert where == str(output)
    assert then == f'try: ovglm run {output} "Hello"'
    assert check_files(output, read_manifest(output)) == []
    assert [path.name for path in tmp_path.iterdir()] == ["output"]


def test_without_an_output_the_store_takes_it_and_finds_it_by_the_models_name(
    hub: SmallHub, home: Path, capfd: Streams
) -> None:
    assert export(REPO, "--stream", "--json", "--weights", "int8") == 0
    found = json.loads(capfd.readouterr().out)
    assert found["source"]["repo"] == REPO
    assert Path(found["output"]).parent == home / "exports"
    assert not (home / "sources").exists()
    refuse(capfd, "is a finished export", REPO, "--stream", "--weights", "int8", said=1)
    # Who asks for the model by its name gets this export, and nothing is pulled.
    assert main(["run", REPO, "Hello", "--weights", "int8", "--max-new-tokens", "1"]) == 0
    assert not (home / "sources").exists()


def test_a_revision_is_streamed_and_noted(hub: SmallHub, tmp_path: Path, capfd: Streams) -> None:
    commit, output = hub.repos[REPO].commit, tmp_path / "output"
    assert export(REPO, "--stream", "--revision", commit, "-o", output) == 0
    source = read_manifest(output).source
    assert (source.revision, source.followed) == (commit, commit)
    capfd.readouterr()
    other = tmp_path / "other"
    refuse(capfd, "no-such", REPO, "--stream", "--revision", "no-such", "-o", other, said=1)


def test_modelscope_streams_the_same(
    hub: SmallHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Streams
) -> None:
    monkeypatch.setenv("MODELSCOPE_ENDPOINT", hub.address)
    one, other = tmp_path / "huggingface", tmp_path / "modelscope"
    assert export(REPO, "--stream", "-o", one) == 0
    assert export(REPO, "--stream", "--source", "modelscope", "-o", other) == 0
    assert read_manifest(other).source.hub == "modelscope"
    assert read_manifest(other).files == read_manifest(one).files


def test_what_cannot_be_streamed_is_two_lines_and_exit_1(
    hub: SmallHub, checkpoint: Path, tmp_path: Path, capfd: Streams
) -> None:
    output = tmp_path / "output"
    refuse(capfd, "is here already", checkpoint, "--stream", "-o", output)
    refuse(capfd, "--verify quick reads", REPO, "--stream", "--verify", "quick", "-o", output)
    refuse(capfd, "--revision goes with --stream only", REPO, "--revision", "main", "-o", output)
    refuse(capfd, "nano ships inside ovglm", "nano", "--stream", "-o", output, said=1)
    refuse(capfd, "zai-org/nowhere", "zai-org/nowhere", "--stream", "-o", output, said=1)
    refuse(capfd, "--ratio 0.5 compares all weights", REPO, "--stream", "--ratio", 0.5, said=1)
    refuse(capfd, "--exporter optimum reads", REPO, "--stream", "--exporter", "optimum", said=1)
    refuse(capfd, "wants symmetric", REPO, "--stream", "--asym", "--device", "NPU", said=1)
    assert list(tmp_path.iterdir()) == []
    pull(REPO)
    refuse(capfd, "was pulled before", REPO, "--stream", "-o", output, said=1)


def test_a_large_model_for_the_npu_gets_one_scale_per_channel(
    hub: SmallHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Streams
) -> None:
    monkeypatch.setattr(command, "_LARGE_FOR_NPU", 1000)
    assert export(REPO, "--stream", "-o", tmp_path / "output", "--device", "NPU") == 0
    assert "one scale per channel for the NPU" in capfd.readouterr().err
    assert read_manifest(tmp_path / "output").recipe.group_size == -1


def test_ctrl_c_says_that_the_work_is_kept_and_the_same_command_goes_on(
    hub: SmallHub, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Streams
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "make_golden", stop)
        assert export(REPO, "--stream", "-o", tmp_path / "output") == 130
    assert "the same command goes on" in capfd.readouterr().err
    before = hub.served.copy()
    assert export(REPO, "--stream", "-o", tmp_path / "output") == 0
    assert all(hub.served[file.name] - before[file.name] < 5000 for file in shards_of(checkpoint))


class Terminal(StringIO):
    """A stream that a person looks at."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_sees_download_and_compression_each_with_one_bar(
    hub: SmallHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    assert export(REPO, "--stream", "-o", tmp_path / "output") == 0
    last = stream.getvalue().split("tokenizer")[-1]
    assert last.count("compress") == 1
    assert "5/5" in last
    shown = re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue())
    assert "download" in shown
    assert re.search(r"\d+(\.\d+)?/\d+(\.\d+)? [kM]B  +(\?|\d+(\.\d+)? [kM]B/s)", shown)
