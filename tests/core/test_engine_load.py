"""From a folder to an engine: what is said, what is refused, and what is compiled only once."""

import json
import os
import shutil
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from counting_model import counting_facts, make_placement, write_counting_model
from ovglm.devices.device import Device
from ovglm.devices.options import RuntimeOptions
from ovglm.engine import integrity
from ovglm.engine.build import build_engine, limits_of
from ovglm.engine.load import load_engine
from ovglm.engine.warmup import warm_up
from ovglm.errors import FolderError, OvglmError
from ovglm.messages import Sampling
from ovglm.tokens import Tokenizer


class Lines(list[str]):
    """Collects what is said."""

    def __call__(self, text: str) -> None:
        self.append(text)


@pytest.fixture
def said() -> Lines:
    return Lines()


@pytest.fixture
def copy(nano: Path, tmp_path: Path) -> Path:
    return shutil.copytree(nano, tmp_path / "nano")


@pytest.fixture
def npu(monkeypatch: pytest.MonkeyPatch) -> RuntimeOptions:
    """An emulated NPU, and options that compile quickly for it."""
    monkeypatch.setenv("OVGLM_NPU_EMULATION", "1")
    return RuntimeOptions(context=192, max_response=64)


def flip(path: Path, at: int) -> None:
    """Change one bit; the file keeps its size."""
    raw = bytearray(path.read_bytes())
    raw[at] ^= 1
    path.chmod(0o644)
    path.write_bytes(raw)


def test_what_was_chosen_and_why_is_said_once_and_kept(nano: Path, said: Lines) -> None:
    with closing(load_engine(nano, "CPU", say=said)) as engine:
        info = engine.info
        assert engine.counters.submitted == 0, "the warm-up is no request"
        assert engine.counters.generated_tokens == 0
    assert len([line for line in said if line.startswith("nano on CPU (")]) == 1
    assert said[0].endswith(info.reason)
    assert (info.model, info.kind, info.device) == ("nano", "paged", "CPU")
    assert (info.context, info.max_prompt) == (2048, 2047)
    assert info.load_s > 0


def test_without_a_say_the_choice_goes_to_stderr(
    nano: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    load_engine(nano, "CPU").close()
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("nano on CPU (")


def test_another_attention_makes_the_engine_static(nano: Path, said: Lines) -> None:
    options = RuntimeOptions(properties=(("ATTENTION_BACKEND", "SDPA"),))
    with closing(load_engine(nano, "CPU", options, say=said)) as engine:
        assert engine.info.kind == "static"
        assert list(engine.submit([300], Sampling(2, ignore_eos=True)))


@pytest.mark.parametrize("name", ["openvino_model.bin", "openvino_model.xml", "tokenizer.json"])
def test_an_edited_ir_is_refused(copy: Path, said: Lines, name: str) -> None:
    load_engine(copy, "CPU", say=said).close()
    flip(copy / name, at=-2)
    with pytest.raises(FolderError, match=f"{name} has changed since the export"):
        load_engine(copy, "CPU", say=said)


@pytest.mark.parametrize("name", ["openvino_model.bin", "openvino_tokenizer.xml", "config.json"])
def test_a_half_deleted_folder_is_refused(copy: Path, said: Lines, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(FolderError, match=f"{name} is missing") as caught:
        load_engine(copy, "CPU", say=said)
    assert caught.value.hint


def test_a_file_that_people_edit_is_only_noted(copy: Path, said: Lines) -> None:
    path = copy / "generation_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "temperature": 0.5}))
    with closing(load_engine(copy, "CPU", say=said)) as engine:
        note = "generation_config.json has changed since the export"
        assert note in said
        assert note in engine.info.notes


def test_checksums_are_taken_once(copy: Path, said: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    summed: list[str] = []
    real = integrity.file_sha256
    monkeypatch.setattr(
        integrity, "file_sha256", lambda path: (summed.append(path.name), real(path))[1]
    )
    integrity.check_integrity(copy, said)
    assert "openvino_model.bin" in summed
    summed.clear()
    integrity.check_integrity(copy, said)
    assert summed == []
    os.utime(copy / "openvino_model.bin", ns=(1, 1))
    integrity.check_integrity(copy, said)
    assert summed == ["openvino_model.bin"]


def test_a_device_that_is_not_here_is_refused_by_name(nano: Path, said: Lines) -> None:
    with pytest.raises(OvglmError, match=r"GPU\.9"):
        load_engine(nano, "GPU.9", say=said)


def test_a_device_that_vanishes_after_the_probe_is_an_error(
    nano: Path, said: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = (Device("GPU", "a GPU", "integrated GPU", memory_bytes=1 << 40, free_bytes=1 << 40),)
    monkeypatch.setattr("ovglm.engine.load.list_devices", lambda: seen)
    with pytest.raises(OvglmError, match=r"GPU \(a GPU\) could not load") as caught:
        load_engine(nano, "GPU", say=said)
    assert caught.value.hint == "ovglm doctor"


def test_the_npu_compiles_once(nano: Path, said: Lines, npu: RuntimeOptions) -> None:
    tokens = []
    for wanted in ("cold", "warm"):
        with closing(load_engine(nano, "NPU", npu, say=said)) as engine:
            assert engine.info.cache == wanted
            chunks = engine.submit([300, 301], Sampling(8, ignore_eos=True))
            tokens.append([token for chunk in chunks for token in chunk.token_ids])
    assert tokens[0] == tokens[1]
    assert any(home_blobs())


def test_other_properties_compile_anew(nano: Path, said: Lines, npu: RuntimeOptions) -> None:
    load_engine(nano, "NPU", npu, say=said).close()
    longer = RuntimeOptions(context=256, max_response=64)
    with closing(load_engine(nano, "NPU", longer, say=said)) as engine:
        assert engine.info.cache == "cold"


def test_a_damaged_blob_is_compiled_again_and_that_is_said(
    nano: Path, said: Lines, npu: RuntimeOptions
) -> None:
    load_engine(nano, "NPU", npu, say=said).close()
    for blob in home_blobs():
        flip(blob, at=len(blob.read_bytes()) // 2)
    said.clear()
    with closing(load_engine(nano, "NPU", npu, say=said)) as engine:
        assert engine.info.cache == "cold"
        assert any("compiled again" in note for note in engine.info.notes)
    assert len([line for line in said if "compiled again" in line]) == 1


def test_a_blob_that_the_device_refuses_is_compiled_again(
    nano: Path, said: Lines, npu: RuntimeOptions
) -> None:
    """The cache vouches for these files, as for those of an older driver of the same name."""
    from ovglm.file_sums import sum_files

    load_engine(nano, "NPU", npu, say=said).close()
    for blob in home_blobs():
        blob.chmod(0o644)
        blob.write_bytes(b"no blob at all")
        record = blob.parent.parent / "entry.json"
        known = json.loads(record.read_text())
        known["sums"] = {name: vars(one) for name, one in sum_files(blob.parent).items()}
        record.write_text(json.dumps(known))
    with closing(load_engine(nano, "NPU", npu, say=said)) as engine:
        assert list(engine.submit([300], Sampling(2, ignore_eos=True)))


def test_the_golden_tokens_of_the_npu_are_compared_at_the_first_load(
    copy: Path, said: Lines, npu: RuntimeOptions, home: Path
) -> None:
    load_engine(copy, "NPU", npu, say=said).close()
    [known] = json.loads((home / "selfcheck.json").read_text()).values()
    assert known == {"precision": "default", "notes": []}
    (home / "selfcheck.json").unlink()
    manifest = json.loads((copy / "ovglm.json").read_text())
    for golden in manifest["golden"]:
        golden["tokens"][0] ^= 1
    (copy / "ovglm.json").write_text(json.dumps(manifest))
    with pytest.raises(OvglmError, match=r"NPU .* computes this model wrongly: .* 0 of \d+ golden"):
        load_engine(copy, "NPU", npu, say=said)


def test_a_prompt_is_warm_before_anyone_asks(tmp_path: Path) -> None:
    folder = write_counting_model(tmp_path)
    facts, placement = counting_facts(folder), make_placement(context=40)
    with closing(build_engine(facts, placement, Tokenizer.load(folder))) as engine:
        warm_up(engine, limits_of(facts, placement))
        assert engine.counters.prompt_tokens + engine.counters.generated_tokens == 40


def home_blobs() -> Sequence[Path]:
    """List the compiled models of this test."""
    return sorted(Path(os.environ["OVGLM_HOME"]).rglob("*.blob"))
