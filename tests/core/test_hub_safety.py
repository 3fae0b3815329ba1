"""A repository that means harm: nothing of it but plain, needed files is ever written."""

import json
from pathlib import Path

import pytest

from ovglm.errors import HubError
from ovglm.hub import find_remote, pull
from ovglm.hub.names import is_commit, is_hub_id, is_safe_file_name
from ovglm.hub.record import SOURCE_RECORD, list_pulled
from small_hub import Content, SmallHub, pattern

CONFIG = b'{"model_type": "glm"}'
WHOLE: dict[str, bytes | Content] = {"config.json": CONFIG, "model.safetensors": pattern(9000)}
EVIL_NAMES = (
    "../evil.json",
    "../../evil.safetensors",
    "..",
    "/tmp/evil.json",
    "C:\\evil.json",
    "..\\evil.json",
    "a\\..\\config.json",
    "./config.json",
    "sub/config.json",
    "con.json",
    "NUL",
    "model.safetensors:stream",
    "tokenizer.json.",
    "tokenizer.json ",
    "tokenizer.json\0.py",
    ".hidden.json",
    "CONFIG.JSON",
    "ovglm-source.json",
    "config.json.partial",
)


def _everything(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_nothing_of_a_malicious_repository_is_written_but_the_model(
    hub: SmallHub, home: Path
) -> None:
    code = {"modeling_glm.py": b"raise SystemExit", "pytorch_model.bin": b"cos\nsystem\n" * 900}
    hub.add("org/bad", {**dict.fromkeys(EVIL_NAMES, b'{"evil": 1}'), **code, **WHOLE})
    folder = pull("org/bad")
    assert _everything(home) == sorted(["config.json", "model.safetensors", SOURCE_RECORD])
    assert (folder / "config.json").read_bytes() == CONFIG
    assert not [one for one in hub.requests if "evil" in one.path.rpartition("/")[2]]


def test_a_symbolic_link_of_the_repository_becomes_a_plain_file(hub: SmallHub) -> None:
    # A hub lists a link as a small file that holds the name it points to.
    hub.add("org/links", {**WHOLE, "tokenizer.json": b"/etc/passwd"})
    file = pull("org/links") / "tokenizer.json"
    assert not file.is_symlink()
    assert file.read_bytes() == b"/etc/passwd"


@pytest.mark.parametrize(
    "name", ["../evil.safetensors", "/etc/x.safetensors", "a\\b.safetensors", "nul.safetensors",
             "evil.bin", "sub/x.safetensors", "\u202ex.safetensors", "x" * 300 + ".safetensors"]
)  # fmt: skip
def test_an_index_that_names_another_place_is_refused(hub: SmallHub, home: Path, name: str) -> None:
    index = json.dumps({"weight_map": {"a": name}}).encode()
    hub.add("org/evil", {**WHOLE, name: b"x", "model.safetensors.index.json": index})
    with pytest.raises(HubError, match="names a file that is no shard"):
        pull("org/evil")
    assert _everything(home) == []


@pytest.mark.parametrize("commit", ["../../evil", "", "main", "A" * 40, "0" * 6, "..", None])
def test_a_commit_that_is_none_is_no_folder(hub: SmallHub, home: Path, commit: str | None) -> None:
    hub.add("org/evil", WHOLE).commit = commit  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(HubError, match="does not answer as a model hub does"):
        pull("org/evil")
    assert _everything(home) == []


@pytest.mark.parametrize("name", (*EVIL_NAMES[:-3], "", "x" * 300, "a..b", "é.json", "a b.json"))
def test_unsafe_names_are_known(name: str) -> None:
    assert not is_safe_file_name(name)


@pytest.mark.parametrize("name", ["config.json", "model-00001-of-00002.safetensors", "a_b-c.1.txt"])
def test_usual_names_are_safe(name: str) -> None:
    assert is_safe_file_name(name)


@pytest.mark.parametrize("text", ["a/b", "zai-org/GLM-4-9B-0414", "ZhipuAI/glm-4-9b-chat", "_x/y_"])
def test_hub_ids_are_known(text: str) -> None:
    assert is_hub_id(text)


@pytest.mark.parametrize(
    "text", ["a", "a/b/c", "../b", "a/..", "a/b.", "a/ b", "~/b", "a\\b", "/a"]
)
def test_paths_are_no_hub_ids(text: str) -> None:
    assert not is_hub_id(text)


def test_a_commit_is_hexadecimal() -> None:
    assert is_commit("0a" * 20) and not is_commit("main") and not is_commit(None)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"format_version": 2}', '{"format_version": 1, "source": "evil"}', "[" * 9999],
)
def test_a_record_that_was_tampered_with_is_no_pull(hub: SmallHub, text: str) -> None:
    hub.add("org/glm", WHOLE)
    folder = pull("org/glm")
    (folder / SOURCE_RECORD).write_text(text)
    assert list_pulled() == ()
    assert pull("org/glm") == folder
    assert len(list_pulled()) == 1


def test_shards_that_would_be_one_file_on_windows_are_refused(hub: SmallHub) -> None:
    names = ("a.safetensors", "A.safetensors")
    index = json.dumps({"weight_map": dict(zip("xy", names, strict=True))}).encode()
    files = {**WHOLE, **dict.fromkeys(names, b"x" * 9000), "model.safetensors.index.json": index}
    hub.add("org/glm", files)
    with pytest.raises(HubError, match="upper and lower case"):
        find_remote("org/glm")
