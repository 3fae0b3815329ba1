"""What the wheel holds: three packages with nano, and nothing that is only for the checkout."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NANO_FILES = (
    "chat_template.jinja",
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
)


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The names of all files in the wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def test_the_wheel_holds_three_packages_and_nothing_else(names: list[str]) -> None:
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {
        "ovglm",
        "ovglm_export",
        "ovglm_serve",
    }


@pytest.mark.parametrize("file", NANO_FILES)
def test_the_wheel_holds_nano(names: list[str], file: str) -> None:
    assert f"ovglm/nano/{file}" in names


def test_the_wheel_holds_the_calibration_texts(names: list[str]) -> None:
    folder = "ovglm_export/calibration/texts"
    texts = {name for name in names if name.startswith(folder)}
    assert {f"{folder}/tools.json", f"{folder}/prose_en.txt", f"{folder}/prose_zh.txt"} <= texts
    assert len(texts) == 15


def test_the_wheel_holds_the_licence_and_no_test(names: list[str]) -> None:
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    assert not [name for name in names if "test" in name.lower() and name != "ovglm/testing.py"]
