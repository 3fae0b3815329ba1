"""Pulling from ModelScope through its own client, pointed at a hub of our own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ovglm.errors import HubError
from ovglm.hub import Patience, fetch, find_remote, pull, read_range
from ovglm.hub.partial import CHUNK_BYTES
from ovglm.hub.record import read_record
from small_hub import Content, Fault, SmallHub, pattern

CONFIG = b'{"model_type": "glm"}'
WHOLE: dict[str, bytes | Content] = {
    "config.json": CONFIG,
    "model.safetensors": pattern(CHUNK_BYTES + 9),
}


@pytest.fixture(autouse=True)
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The client may be absent; where it is there, it does not retry on its own."""
    pytest.importorskip("modelscope_hub")
    monkeypatch.setattr("modelscope_hub._legacy_api.REPO_TREE_PAGE_MAX_ATTEMPTS", 1)
    yield


def test_a_pull_brings_the_model_and_notes_its_commit(hub: SmallHub, home: Path) -> None:
    repo = hub.add("ZhipuAI/glm", {**WHOLE, "modeling.py": b"x", "pytorch_model.bin": b"p" * 9000})
    folder = pull("ZhipuAI/glm", source="modelscope")
    assert folder == home / "sources" / "modelscope" / "ZhipuAI--glm" / repo.commit
    assert sorted(path.name for path in folder.iterdir()) == sorted([*WHOLE, "ovglm-source.json"])
    told = read_record(folder)
    assert told and (told.source, told.followed) == ("modelscope", "master")
    assert (folder / "config.json").read_bytes() == CONFIG


def test_a_short_name_is_asked_for_under_its_name_there(hub: SmallHub) -> None:
    hub.add("ZhipuAI/glm-edge-1.5b-chat", WHOLE)
    for name in ("glm-edge-1.5b-chat", "zai-org/glm-edge-1.5b-chat"):
        assert find_remote(name, source="modelscope").repo == "ZhipuAI/glm-edge-1.5b-chat"


def test_every_file_has_a_sha256_and_ranges_can_be_read(hub: SmallHub) -> None:
    hub.add("org/glm", WHOLE)
    remote = find_remote("org/glm", source="modelscope")
    assert all(file.sha256 for file in remote.files)
    assert read_range(remote, remote.files[1], 3, 5) == pattern(CHUNK_BYTES).read(3, 5)


@pytest.mark.parametrize(
    "fault", [Fault(status=503), Fault(status=429), Fault(cut_after=1000), Fault(is_wrong=True)]
)
def test_a_stumble_is_forgiven(hub: SmallHub, tmp_path: Path, fault: Fault) -> None:
    hub.add("org/glm", WHOLE)
    remote = find_remote("org/glm", source="modelscope")
    hub.fail("Signature", fault)
    fetch(remote, remote.files[1], tmp_path, patience=Patience(wait=lambda _: None))
    assert (tmp_path / "model.safetensors").read_bytes() == pattern(CHUNK_BYTES + 9).read(
        0, CHUNK_BYTES + 9
    )


def test_the_token_of_the_environment_opens_a_private_model(
    hub: SmallHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add("org/secret", WHOLE, token="mine")
    with pytest.raises(HubError, match="does not let you have org/secret") as caught:
        find_remote("org/secret", source="modelscope")
    assert "MODELSCOPE_API_TOKEN" in (caught.value.hint or "")
    monkeypatch.setenv("MODELSCOPE_API_TOKEN", "mine")
    assert pull("org/secret", source="modelscope").is_dir()


@pytest.mark.parametrize("revision", [None, "v9"])
def test_what_is_not_there_is_said(hub: SmallHub, revision: str | None) -> None:
    if revision:
        hub.add("org/none", WHOLE)
    with pytest.raises(HubError, match="has no model org/none"):
        find_remote("org/none", source="modelscope", revision=revision)


def test_nothing_tells_one_user_from_another_and_no_login_file_is_unpickled(
    hub: SmallHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODELSCOPE_HOME", str(tmp_path))
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "cookies").write_bytes(b"cos\nabort\n(tR.")  # would end this process
    hub.add("org/glm", WHOLE)
    pull("org/glm", source="modelscope")
    assert [path.name for path in credentials.iterdir()] == ["cookies"]
    agents = {one.headers["User-Agent"] for one in hub.requests if one.where == "hub"}
    assert all(f"session_id/{'0' * 32}" in agent for agent in agents)


def test_without_the_client_the_extra_is_named(
    hub: SmallHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "modelscope_hub", None)
    with pytest.raises(HubError, match="client is not installed") as caught:
        find_remote("org/glm", source="modelscope")
    assert caught.value.hint == 'pip install "ovglm[modelscope]"'
