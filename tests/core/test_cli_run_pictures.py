"""`ovglm run --image`: what the model sees and the JSON tells; all refusals come before a load."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from byte_tokens import TEMPLATE
from ovglm.assistant import Assistant
from ovglm.cli import main
from ovglm.manifest import read_manifest, write_manifest
from ovglm.models import CATALOGUE
from ovglm.template import ChatTemplate
from small_pictures import EACH, SPAN, picture_file
from stored import write_export
from talking import ScriptedEngine, prompts, seeing_assistant

PLACE = "<|begin_of_image|>" * 6


class Loader:
    """Takes the place of load_assistant; counts how often it is asked."""

    def __init__(self) -> None:
        self.assistant: Assistant = seeing_assistant("A hat.")
        self.count = 0

    def __call__(self, *_: object) -> Assistant:
        self.count += 1
        return self.assistant

    @property
    def engine(self) -> ScriptedEngine:
        assert isinstance(self.assistant.engine, ScriptedEngine)
        return self.assistant.engine


@pytest.fixture
def loader(monkeypatch: pytest.MonkeyPatch) -> Loader:
    loader = Loader()
    monkeypatch.setattr("ovglm.assistant.load_assistant", loader)
    return loader


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.jpg"
    path.write_bytes(picture_file("JPEG"))
    return path


def _export(folder: Path, **facts: Any) -> str:
    """Write an exported folder without weights; facts: of its pictures, none for a text model."""
    write_export(folder)
    (folder / "chat_template.jinja").write_text("{{ messages[0].content }}")
    if facts:
        write_manifest(folder, replace(read_manifest(folder), vision=replace(EACH, **facts)))
    return str(folder)


@pytest.fixture
def model(tmp_path: Path) -> str:
    return _export(tmp_path / "seeing", most_pictures=1)


@pytest.fixture
def text_model(tmp_path: Path) -> str:
    return _export(tmp_path / "reading")


def test_the_model_sees_the_picture_in_front_of_the_prompt(
    model: str, loader: Loader, photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", model, "What is this?", "--image", str(photo)]) == 0
    output = capsys.readouterr()
    assert output.out == "A hat.\n"
    assert prompts(loader.assistant) == [f"<|user|>\n{PLACE}What is this?<|assistant|>"]
    ((picture,),) = loader.engine.pictures
    assert picture.size == (40, 20) and picture.pixels.shape == (28, 28, 3)
    assert f"prompt {len(loader.engine.requests[0][0])} tokens" in output.err


def test_several_pictures_keep_their_order(tmp_path: Path, loader: Loader, photo: Path) -> None:
    loader.assistant = seeing_assistant("x", vision=replace(EACH, most_pictures=2))
    other = tmp_path / "other.png"
    other.write_bytes(picture_file(size=(9, 9)))
    model = _export(tmp_path / "two", most_pictures=2)
    assert main(["run", model, "?", "--image", str(photo), "--image", str(other)]) == 0
    assert [one.size for one in loader.engine.pictures[0]] == [(40, 20), (9, 9)]


def test_json_tells_the_pictures_and_counts_their_vectors(
    model: str, loader: Loader, photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", model, "What?", "--image", str(photo), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    ((picture,),) = loader.engine.pictures
    assert document["pictures"] == [
        {"file": str(photo), "width": 40, "height": 20, "sha256": picture.digest}
    ]
    assert document["usage"]["prompt_tokens"] == len(loader.engine.requests[0][0])
    assert (document["engine"], document["vision_device"]) == ("vision", "CPU")


def test_where_three_tokens_stand_for_a_picture_its_vectors_are_counted(
    model: str, loader: Loader, photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    loader.assistant = seeing_assistant("x", vision=SPAN)
    loader.assistant = replace(loader.assistant, template=ChatTemplate(TEMPLATE))
    assert main(["run", model, "What?", "--image", str(photo), "--json"]) == 0
    (ids, _), usage = loader.engine.requests[0], json.loads(capsys.readouterr().out)["usage"]
    assert usage["prompt_tokens"] == len(ids) + SPAN.vectors - 3
    assert prompts(loader.assistant)[0].startswith(
        "<|user|>\n<|begin_of_image|><|endoftext|><|end_of_image|>What?"
    )


def _refusal(capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    output = capsys.readouterr()
    first, second = output.err.splitlines()
    assert output.out == "" and first.startswith("ovglm: ") and second.startswith("try: ")
    return first, second


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no file"),
        (b"", "is empty"),
        (b"hello", "is no picture of a known kind; PNG, JPEG, WebP and GIF are read"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1", "is HEIC"),
        (picture_file("JPEG")[:200], "is damaged or cut off"),
    ],
    ids=["absent", "empty", "text", "heic", "cut off"],
)
def test_a_picture_that_cannot_be_read_is_two_lines_before_anything_is_looked_for(
    loader: Loader,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    content: bytes | None,
    message: str,
) -> None:
    path = tmp_path / "photo.jpg"
    if content is not None:
        path.write_bytes(content)
    assert main(["run", "zai-org/glm-edge-v-2b", "?", "--image", str(path)]) == 1
    first, _ = _refusal(capsys)
    assert message in first and str(path) in first
    assert loader.count == 0


def test_a_folder_is_no_picture(
    model: str, loader: Loader, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", model, "?", "--image", str(tmp_path)]) == 1
    assert "is a folder, not a picture" in _refusal(capsys)[0]


@pytest.mark.parametrize("name", ["nano", "glm-4-9b-chat", "THUDM/glm-edge-1.5b-chat"])
def test_a_text_model_of_the_catalogue_is_refused_before_it_is_pulled(
    name: str, loader: Loader, photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", name, "?", "--image", str(photo)]) == 1
    first, second = _refusal(capsys)
    assert first == f"ovglm: {name} reads text alone, so it has no use for --image {photo}"
    seeing = second.split()[3]
    assert CATALOGUE[seeing].tower and f"--image {photo}" in second
    assert loader.count == 0


def test_an_exported_text_model_is_refused_before_it_is_loaded(
    text_model: str, loader: Loader, photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", text_model, "?", "--image", str(photo)]) == 1
    assert "reads text alone" in _refusal(capsys)[0]
    assert loader.count == 0


def test_more_pictures_than_the_export_takes_are_refused_before_it_is_loaded(
    model: str, loader: Loader, photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", model, "?", "--image", str(photo), "--image", str(photo)]) == 1
    first, second = _refusal(capsys)
    assert "takes 1 picture in a conversation, and --image gives it 2" in first
    assert second == f"try: --image {photo}"
    assert loader.count == 0


@pytest.mark.parametrize("config", ['{"model_type": "glm"}', "not json"])
def test_a_checkpoint_without_a_tower_is_refused_before_it_is_exported(
    tmp_path: Path,
    loader: Loader,
    photo: Path,
    config: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    (folder / "config.json").write_text(config)
    (folder / "model.safetensors").write_bytes(b"")
    (folder / "chat_template.jinja").write_text("{{ messages[0].content }}")
    exported: list[object] = []
    monkeypatch.setattr("ovglm.exporters.export_into", lambda *given: exported.append(given))
    assert main(["run", str(folder), "?", "--image", str(photo)]) == int(config[0] == "{")
    assert bool(exported) is (config[0] != "{")  # what it is shows in its export
    assert ("reads text alone" in capsys.readouterr().err) is (config[0] == "{")


def test_the_help_has_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["run", "--help"])
    text = capsys.readouterr().out
    assert '"What is this?" --image photo.jpg' in text and "--image FILE" in text
