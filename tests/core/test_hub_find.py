"""What a hub has, or has not: each refusal is one sentence with the next step."""

import json
from typing import Any

import pytest

from ovglm.errors import HubError
from ovglm.hub import find_remote
from ovglm.hub.settings import hub_address
from small_hub import Content, SmallHub, pattern

CONFIG = b'{"model_type": "glm"}'
WHOLE: dict[str, bytes | Content] = {"config.json": CONFIG, "model.safetensors": pattern(9000)}
IR: dict[str, bytes | Content] = {
    "config.json": CONFIG,
    "openvino_model.xml": b"<net/>",
    "openvino_model.bin": pattern(9000),
    "openvino_tokenizer.xml": b"<net/>",
    "openvino_tokenizer.bin": pattern(5000),
    "tokenizer.json": b"{}",
}


def _refusal(name: str, **more: Any) -> HubError:
    with pytest.raises(HubError) as caught:
        find_remote(name, **more)
    assert "\n" not in caught.value.message
    assert caught.value.hint
    return caught.value


def test_a_missing_repository(hub: SmallHub, monkeypatch: pytest.MonkeyPatch) -> None:
    error = _refusal("org/nothing")
    assert "has no model org/nothing" in error.message and "HF_TOKEN is not set" in error.message
    monkeypatch.setenv("HF_TOKEN", "mine")
    assert "your token may not see it" in _refusal("org/nothing").message


def test_a_private_repository(hub: SmallHub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.add("org/secret", WHOLE, token="mine")
    assert "it is private" in _refusal("org/secret").message
    monkeypatch.setenv("HF_TOKEN", "mine")
    assert find_remote("org/secret").repo == "org/secret"


def test_a_gated_repository(hub: SmallHub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.add("org/gated", WHOLE, gated=True, token="mine")
    error = _refusal("org/gated")
    assert "org/gated is gated" in error.message
    assert f"{hub.address}/org/gated" in (error.hint or "") and "HF_TOKEN" in (error.hint or "")
    monkeypatch.setenv("HF_TOKEN", "another")
    assert "not let in yet" in _refusal("org/gated").message
    monkeypatch.setenv("HF_TOKEN", "mine")
    assert find_remote("org/gated").repo == "org/gated"


def test_a_token_that_has_run_out(hub: SmallHub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.add("org/glm", WHOLE)
    monkeypatch.setenv("HF_TOKEN", "expired")
    assert "refuses your token" in _refusal("org/glm").message


def test_a_renamed_repository_is_found_under_its_new_name(hub: SmallHub) -> None:
    hub.add("new/glm", WHOLE)
    hub.add("old/glm", WHOLE, moved_to="new/glm")
    assert find_remote("old/glm").repo == "new/glm"


def test_a_disabled_repository(hub: SmallHub) -> None:
    hub.add("org/off", WHOLE, is_disabled=True)
    assert "disabled" in _refusal("org/off").message


def test_an_empty_repository(hub: SmallHub) -> None:
    hub.add("org/empty", {".gitattributes": b"*", "README.md": b"#"})
    assert "org/empty is empty" in _refusal("org/empty").message


def test_a_missing_revision(hub: SmallHub) -> None:
    hub.add("org/glm", WHOLE)
    error = _refusal("org/glm", revision="v9")
    assert "org/glm has no revision 'v9'" in error.message


def test_pickles_only(hub: SmallHub) -> None:
    hub.add("org/old", {"config.json": CONFIG, "pytorch_model.bin": pattern(9000)})
    error = _refusal("org/old")
    assert "only pickled weights (pytorch_model.bin)" in error.message


def test_gguf_only_points_to_what_it_was_made_from(hub: SmallHub) -> None:
    hub.add("org/glm-gguf", {"q4.gguf": pattern(9000)}, card={"base_model": ["zai-org/glm"]})
    error = _refusal("org/glm-gguf")
    assert "GGUF" in error.message and "q4.gguf" in error.message
    assert error.hint == "ovglm pull zai-org/glm"


def test_an_adapter_is_no_whole_model(hub: SmallHub) -> None:
    hub.add("org/lora", {"config.json": CONFIG, "adapter_model.safetensors": pattern(9000)})
    assert "only adapter_model.safetensors" in _refusal("org/lora").message


@pytest.mark.parametrize(
    "config", [b'{"model_type": "llama"}', b"{}", b"[]", b'{"model_type": {}}']
)
def test_another_architecture(hub: SmallHub, config: bytes) -> None:
    hub.add("org/other", {**WHOLE, "config.json": config})
    assert "is no GLM that ovglm knows" in _refusal("org/other").message


@pytest.mark.parametrize("field", ["vision_config", "quantization_config"])
def test_what_the_exporter_would_refuse_is_refused_before_it_is_fetched(
    hub: SmallHub, field: str
) -> None:
    hub.add(
        "org/other",
        {**WHOLE, "config.json": f'{{"model_type":"glm4","{field}":{{"a":1}}}}'.encode()},
    )
    assert field in _refusal("org/other").message


@pytest.mark.parametrize("config", [b"not json", b"", b"[" * 100_000])
def test_a_config_that_is_no_json(hub: SmallHub, config: bytes) -> None:
    hub.add("org/bad", {**WHOLE, "config.json": config})
    assert "config.json of org/bad is not readable JSON" in _refusal("org/bad").message


def test_a_repository_without_config(hub: SmallHub) -> None:
    hub.add("org/bare", {"model.safetensors": pattern(9000)})
    assert "org/bare holds no config.json" in _refusal("org/bare").message


def test_a_shard_that_the_index_names_and_nobody_has(hub: SmallHub) -> None:
    index = json.dumps({"weight_map": {"a": "model-00001-of-00001.safetensors"}}).encode()
    hub.add("org/half", {**WHOLE, "model.safetensors.index.json": index})
    assert "org/half is not whole" in _refusal("org/half").message


@pytest.mark.parametrize(
    "index", [b"{}", b"[]", b'{"weight_map": {}}', b'{"weight_map": {"a": 3}}']
)
def test_an_index_without_a_table(hub: SmallHub, index: bytes) -> None:
    hub.add("org/half", {**WHOLE, "model.safetensors.index.json": index})
    assert "has no weight_map" in _refusal("org/half").message


def test_numbered_shards_without_an_index_must_be_all_there(hub: SmallHub) -> None:
    names = [f"model-0000{n}-of-00002.safetensors" for n in (1, 2)]
    hub.add("org/glm", {"config.json": CONFIG, **dict.fromkeys(names, pattern(9000))})
    assert [file.name for file in find_remote("org/glm").files] == ["config.json", *names]
    hub.add("org/half", {"config.json": CONFIG, names[0]: pattern(9000)})
    assert "1 of 2 shards" in _refusal("org/half").message


def test_openvino_ir_is_recognised(hub: SmallHub) -> None:
    hub.add("org/glm-int4-ov", {**IR, "openvino_model.py": b"x"})
    remote = find_remote("org/glm-int4-ov")
    assert remote.kind == "ir"
    assert [file.name for file in remote.files] == sorted(IR)


def test_a_checkpoint_beside_ir_is_exported_here(hub: SmallHub) -> None:
    hub.add("org/both", {**IR, **WHOLE})
    remote = find_remote("org/both")
    assert (remote.kind, remote.leaves_ir) == ("checkpoint", True)
    assert not [file for file in remote.files if file.name.startswith("openvino")]


def test_ir_beside_what_is_no_whole_model_is_taken(hub: SmallHub) -> None:
    hub.add("org/tuned-ov", {**IR, "adapter_model.safetensors": pattern(9000)})
    remote = find_remote("org/tuned-ov")
    assert (remote.kind, remote.leaves_ir) == ("ir", False)
    assert [file.name for file in remote.files] == sorted(IR)


@pytest.mark.parametrize("name", ["nano", "no-such-model", "../x", "a/b/c", "/etc", "a b/c", ""])
def test_a_name_that_is_no_repository_is_refused_without_asking(hub: SmallHub, name: str) -> None:
    _refusal(name)
    assert hub.requests == []


@pytest.mark.parametrize("variable", ["HF_HUB_OFFLINE", "OVGLM_OFFLINE"])
def test_offline_mode_asks_nobody(
    hub: SmallHub, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "1")
    assert "offline mode" in _refusal("org/glm").message
    assert hub.requests == []


@pytest.mark.parametrize("address", ["htp://x", "http://[::1", "http://x:99999", "a b"])
def test_an_endpoint_that_is_no_address_is_named(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", address)
    error = _refusal("org/glm")
    assert f"HF_ENDPOINT is {address.rstrip('/')!r}, which is no address" in error.message


def test_a_mirror_may_be_named_without_its_scheme(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "mirror.example/hf/")
    assert hub_address("huggingface") == "https://mirror.example/hf"
