"""Pulling from a hub of our own, through the real huggingface-hub client."""

import hashlib
import json
import os
from collections import namedtuple
from pathlib import Path

import pytest

from ovglm.errors import HubError
from ovglm.hub import Patience, fetch, find_remote, pull, read_range
from ovglm.hub.partial import CHUNK_BYTES
from ovglm.hub.record import SOURCE_RECORD, find_pulled, list_pulled, read_record
from small_hub import Content, Fault, SmallHub, pattern

CONFIG = json.dumps({"model_type": "glm"}).encode()
SHARDS = {f"model-0000{n}-of-00002.safetensors": pattern(9000 + n, n) for n in (1, 2)}
INDEX = json.dumps({"weight_map": {f"t{at}": name for at, name in enumerate(SHARDS)}}).encode()


class Heard:
    """Remembers what a download told."""

    def __init__(self) -> None:
        self.sizes: dict[str, int] = {}
        self.bytes: dict[str, int] = {}
        self.ended: list[str] = []

    def begin(self, name: str, size: int, present: int) -> None:
        self.sizes[name] = size
        self.bytes[name] = present

    def advance(self, name: str, count: int) -> None:
        self.bytes[name] += count

    def end(self, name: str) -> None:
        self.ended.append(name)


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_pull_brings_just_the_needed_files_as_the_hub_has_them(hub: SmallHub, home: Path) -> None:
    needed = {
        **SHARDS,
        "model.safetensors.index.json": INDEX,
        "config.json": CONFIG,
        "generation_config.json": b"{}",
        "tokenizer.json": b"[1]" * 3000,
        "tokenizer_config.json": b"{}",
        "chat_template.jinja": b"{{ messages }}",
        "preprocessor_config.json": b"{}",
        "special_tokens_map.json": b"{}",
    }
    others = {
        "README.md": b"#",
        ".gitattributes": b"*",
        "pytorch_model.bin": b"pickle" * 1000,
        "model.fp16.safetensors": b"half" * 2000,
        "consolidated.safetensors": b"all" * 2000,
        "model-q4.gguf": b"gguf" * 2000,
        "training_args.bin": b"pickle",
        "modeling_chatglm.py": b"raise SystemExit",
        "model.onnx": b"onnx",
        "onnx/model.onnx": b"onnx",
        "openvino/openvino_model.xml": b"<net/>",
        "original/model.safetensors": b"twice" * 1000,
    }
    repo = hub.add("org/glm", {**needed, **others})
    folder = pull("org/glm")
    assert folder == home / "sources" / "huggingface" / "org--glm" / repo.commit
    assert _names(folder) == sorted([*needed, SOURCE_RECORD])
    for name in needed:
        content = repo.files[name]
        assert (folder / name).read_bytes() == content.read(0, content.size)
    assert not [one for one in hub.requests if any(name in one.path for name in others)]


def test_a_single_safetensors_file_is_taken_and_no_other_precision(hub: SmallHub) -> None:
    hub.add(
        "org/glm",
        {
            "config.json": CONFIG,
            "model.safetensors": pattern(9000),
            "model.bf16.safetensors": pattern(9000, 1),
        },
    )
    names = [file.name for file in find_remote("org/glm").files]
    assert names == ["config.json", "model.safetensors"]


def test_a_second_pull_asks_only_for_the_commit(hub: SmallHub) -> None:
    hub.add("org/glm", {"config.json": CONFIG, "model.safetensors": pattern(9000)})
    first = pull("org/glm")
    hub.served.clear()
    assert pull("org/glm") == first
    assert hub.served["model.safetensors"] == 0


def test_a_new_commit_gets_a_folder_of_its_own_and_the_old_one_stays(hub: SmallHub) -> None:
    hub.add("org/glm", {"config.json": CONFIG, "model.safetensors": pattern(9000)})
    first = pull("org/glm")
    hub.add("org/glm", {"config.json": CONFIG, "model.safetensors": pattern(9000, 1)})
    second = pull("org/glm")
    assert first != second
    assert {one.folder for one in list_pulled()} == {first, second}


def test_the_record_tells_repository_commit_and_branch(hub: SmallHub) -> None:
    repo = hub.add("org/glm", {"config.json": CONFIG, "model.safetensors": pattern(9000)})
    told = read_record(pull("org/glm"))
    assert told is not None
    assert (told.source, told.repo, told.revision) == ("huggingface", "org/glm", repo.commit)
    assert (told.followed, told.kind, told.name) == ("main", "checkpoint", "glm")
    assert find_pulled("ORG/glm", revision=repo.commit) == told
    assert find_pulled("org/glm", revision="v2") is None


def test_a_commit_that_is_asked_for_stays_asked_for(hub: SmallHub) -> None:
    repo = hub.add("org/glm", {"config.json": CONFIG, "model.safetensors": pattern(9000)})
    remote = find_remote("org/glm", revision=repo.commit)
    assert (remote.revision, remote.followed) == (repo.commit, repo.commit)


def test_a_large_file_comes_in_ranges_over_several_connections(hub: SmallHub) -> None:
    size = 3 * CHUNK_BYTES + 5
    weights = pattern(size)
    hub.add("org/glm", {"config.json": CONFIG, "model.safetensors": weights})
    heard = Heard()
    folder = pull("org/glm", progress=heard)
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    assert digest == weights.sha256
    ranges = {one.headers["Range"] for one in hub.asked("model.safetensors", "storage")}
    assert len(ranges) == 4
    assert heard.bytes == heard.sizes == {"config.json": len(CONFIG), "model.safetensors": size}
    assert sorted(heard.ended) == ["config.json", "model.safetensors"]


def test_the_token_goes_to_the_hub_and_not_to_the_storage(
    hub: SmallHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add("org/glm", {"config.json": CONFIG, "model.safetensors": pattern(9000)}, token="secret")
    monkeypatch.setenv("HF_TOKEN", "secret")
    pull("org/glm")
    for one in hub.requests:
        sent = {name.lower(): value for name, value in one.headers.items()}
        assert sent.get("authorization") == ("Bearer secret" if one.where == "hub" else None)


def test_no_request_tells_more_than_the_library_itself(hub: SmallHub) -> None:
    hub.add("org/glm", {"config.json": CONFIG, "model.safetensors": pattern(9000)})
    pull("org/glm")
    assert not hub.asked("telemetry") and not hub.asked("agent-harnesses")
    for one in hub.requests:
        sent = {name.lower(): value for name, value in one.headers.items()}
        parts = [part.partition("/")[0] for part in sent["user-agent"].split("; ")]
        assert parts == ["unknown", "hf_hub", "python"]


def test_a_full_disk_is_refused_before_anything_is_fetched(
    hub: SmallHub, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add("org/glm", {"config.json": CONFIG, "model.safetensors": pattern(200 << 20)})
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(1, 1, 100 << 20))
    with pytest.raises(HubError, match=r"needs 0.3 GB of disk .* 0.1 GB are free") as caught:
        pull("org/glm")
    assert caught.value.hint and "ovglm store" in caught.value.hint
    assert not hub.asked("model.safetensors")
    assert not (home / "sources").exists()


def test_an_unfinished_file_goes_on_and_a_finished_one_is_not_fetched_again(
    hub: SmallHub, tmp_path: Path
) -> None:
    size = 2 * CHUNK_BYTES
    hub.add("org/glm", {"config.json": CONFIG, "model.safetensors": pattern(size)})
    remote = find_remote("org/glm")
    weights = next(file for file in remote.files if file.size == size)
    hub.fail("model.safetensors?", *[Fault(cut_after=1 << 20)] * 2)
    once = Patience(attempts=1, wait=lambda _: None)
    with pytest.raises(HubError, match="does not answer properly"):
        fetch(remote, weights, tmp_path, patience=once)
    assert not (tmp_path / "model.safetensors").exists()
    fetch(remote, weights, tmp_path)
    assert _names(tmp_path) == ["model.safetensors"]
    served = hub.served["model.safetensors"]
    assert size <= served < size + CHUNK_BYTES
    fetch(remote, weights, tmp_path)
    assert hub.served["model.safetensors"] == served


def test_a_damaged_journal_begins_the_file_anew(hub: SmallHub, tmp_path: Path) -> None:
    hub.add("org/glm", {"config.json": CONFIG, "model.safetensors": pattern(9000)})
    remote = find_remote("org/glm")
    (tmp_path / "model.safetensors.partial").write_bytes(b"x" * 9000)
    (tmp_path / "model.safetensors.journal").write_bytes(b"\xff" * 300)
    fetch(remote, remote.files[1], tmp_path)
    assert _names(tmp_path) == ["model.safetensors"]


def test_an_empty_file_is_a_file_too(hub: SmallHub) -> None:
    files = {"config.json": CONFIG, "model.safetensors": pattern(9000), "merges.txt": b""}
    hub.add("org/glm", files)
    assert (pull("org/glm") / "merges.txt").read_bytes() == b""


def test_a_range_can_be_read_alone(hub: SmallHub) -> None:
    weights = pattern(9000)
    hub.add("org/glm", {"config.json": CONFIG, "model.safetensors": weights})
    remote = find_remote("org/glm")
    assert read_range(remote, remote.files[1], 5, 10) == weights.read(5, 10)
    assert read_range(remote, remote.files[1], 8995, 10) == weights.read(8995, 5)
    assert read_range(remote, remote.files[1], 9000, 10) == b""


@pytest.mark.skipif(os.name == "nt", reason="needs symbolic links")
def test_a_link_in_the_place_of_a_file_is_not_followed(hub: SmallHub, tmp_path: Path) -> None:
    hub.add("org/glm", {"config.json": CONFIG, "model.safetensors": pattern(9000)})
    remote = find_remote("org/glm")
    outside = tmp_path / "outside"
    outside.write_bytes(b"o" * 9000)
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "model.safetensors").symlink_to(outside)
    fetch(remote, remote.files[1], folder)
    assert outside.read_bytes() == b"o" * 9000
    assert not (folder / "model.safetensors").is_symlink()


def test_the_real_client_reads_our_hubs_tree_as_well(hub: SmallHub) -> None:
    from huggingface_hub import HfApi

    hub.add("org/glm", {"config.json": CONFIG, "model.safetensors": Content(b"w", 9000)})
    entries = list(HfApi(endpoint=hub.address).list_repo_tree("org/glm"))
    assert [one.path for one in entries] == ["config.json", "model.safetensors"]
