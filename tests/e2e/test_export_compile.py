"""`ovglm export --compile`: the first load finds a compiled model, or nothing is exported."""

from pathlib import Path

import pytest

from ovglm.cli import main
from ovglm.engine.load import load_engine


def test_the_first_load_after_compile_is_warm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OVGLM_NPU_EMULATION", "1")
    output = tmp_path / "nano"
    line = ["export", "nano", "-o", str(output), "--device", "NPU", "--compile"]
    assert main(line) == 0
    assert "compiled for NPU" in capsys.readouterr().err
    engine = load_engine(output, "NPU", say=lambda _: None)
    engine.close()
    assert engine.info.cache == "warm"


def test_the_cpu_keeps_nothing_compiled_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["export", "nano", "-o", str(tmp_path / "nano"), "--device", "CPU", "--compile"]
    assert main(line) == 0
    assert "nothing to keep compiled there" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("device", "words"),
    [((), "needs the device to compile for"), (("--device", "NPU"), "needs the NPU here")],
)
def test_compiling_for_no_or_an_absent_device_is_refused_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], device: tuple[str, ...], words: str
) -> None:
    output = tmp_path / "nano"
    assert main(["export", "nano", "-o", str(output), *device, "--compile"]) == 1
    assert words in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
