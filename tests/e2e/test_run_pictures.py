"""Pictures from the command line to the answer, on tiny exports of both families.

What the model is to see and read is made here anew, by the vendors' processor and by hand; the
graphs then run step by step, and the engine has to give the same first token.
"""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from transformers.models.mllama.image_processing_pil_mllama import MllamaImageProcessorPil

import ovglm
from ovglm.cli import main
from ovglm.tokens import Tokenizer
from tiny_vision import CLIP_MEAN, CLIP_STD, Layout
from vision_exports import VisionExports
from vision_runner import embed_text, run_language, run_tower, splice

SIDE, VECTORS = 56, 6
EXACT = (
    "--device", "CPU", "--precision", "f32", "--kv-cache", "f32",
    "--property", "DYNAMIC_QUANTIZATION_GROUP_SIZE=0", "--max-new-tokens", "3",
)  # fmt: skip


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture in colours, wider than high, that its EXIF data turn."""
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path_factory.mktemp("photos") / "photo.png"
    Image.fromarray(_noise(0)).save(path, exif=exif)
    return path


def _noise(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (30, 50, 3), dtype=np.uint8)


def _pixels(layout: Layout, photo: Path) -> np.ndarray:
    """Prepare the picture as the vendors do it: float32 [1, 3, S, S]."""
    image = Image.open(photo).transpose(Image.Transpose.ROTATE_270)
    if layout == "glm_edge_v":
        processor = MllamaImageProcessorPil(
            size={"height": SIDE, "width": SIDE}, max_image_tiles=1, resample=3,
            image_mean=[0.5] * 3, image_std=[0.5] * 3,
        )  # fmt: skip
        return processor(image, return_tensors="np")["pixel_values"][0, 0]
    resized = np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BICUBIC), np.float32) / 255
    return ((resized - CLIP_MEAN) / CLIP_STD).transpose(2, 0, 1)[None].astype(np.float32)


def _prompt(layout: Layout, folder: Path, text: str) -> list[int]:
    """Write the prompt by hand."""
    written = {
        "glm_edge_v": f"<|user|>\n{'<|begin_of_image|>' * VECTORS}{text}<|assistant|>\n",
        "glm_4v": "[gMASK]<sop><|user|>\n<|begin_of_image|><|endoftext|><|end_of_image|>"
        f"{text}<|assistant|>",
    }
    return Tokenizer.load(folder).encode(written[layout], allow_special=True)


def _run(capsys: pytest.CaptureFixture[str], folder: Path, *arguments: str) -> dict[str, Any]:
    assert main(["run", str(folder), *arguments, "--json", "--logprobs", *EXACT]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_answer_is_the_one_of_the_picture_and_the_prompt(
    vision: VisionExports, photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, layout = vision.export(), vision.layout
    document = _run(capsys, folder, "what is on it?", "--image", str(photo))
    ids = _prompt(layout, folder, "what is on it?")
    (vectors,) = run_tower(folder, _pixels(layout, photo))
    embeds, positions = splice(layout, ids, embed_text(folder, ids), vectors)
    last = run_language(folder, embeds, positions, [len(embeds)])[-1]
    first = document["logprobs"][0]
    assert first["id"] == last.argmax()
    top = last - last.max()
    assert first["logprob"] == pytest.approx(float(-np.log(np.exp(top).sum())), abs=1e-3)
    assert document["usage"]["prompt_tokens"] == len(embeds)
    (picture,) = document["pictures"]
    assert (picture["width"], picture["height"]) == (30, 50)
    assert (document["engine"], document["vision_device"]) == ("vision", "CPU")


def test_another_picture_and_none_give_other_answers(
    vision: VisionExports, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.webp"
    Image.fromarray(_noise(1)).save(other, lossless=True)
    folder = vision.export()
    asked = [("--image", str(photo)), ("--image", str(other)), (), ("--image", str(photo))]
    told = [_run(capsys, folder, "what?", *one)["logprobs"][0]["logprob"] for one in asked]
    assert len(set(told[:3])) == 3 and told[3] == told[0]


@pytest.mark.parametrize("size", [(1, 1), (20_000, 10)])
def test_pictures_of_odd_sizes_have_answers(
    vision: VisionExports,
    size: tuple[int, int],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "odd.png"
    Image.new("RGB", size, "red").save(path)
    document = _run(capsys, vision.export(), "what?", "--image", str(path))
    assert document["usage"]["reply_tokens"] >= 1
    assert (document["pictures"][0]["width"], document["pictures"][0]["height"]) == size


def test_two_pictures_are_one_too_many(
    vision: VisionExports, photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = vision.export()
    images = ("--image", str(photo), "--image", str(photo))
    assert main(["run", str(folder), "what?", *images]) == 1
    assert "takes 1 picture in a conversation" in capsys.readouterr().err


def test_a_checkpoint_is_exported_and_asked(
    vision: VisionExports, photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["what?", "--image", str(photo), "--weights", "int8", *EXACT]
    assert main(["run", str(vision.source), *arguments]) == 0
    output = capsys.readouterr()
    assert "exporting it into" in output.err and "answer " in output.err


def test_a_conversation_in_python_keeps_its_picture(vision: VisionExports, photo: Path) -> None:
    sampling = ovglm.Sampling(max_new_tokens=3)
    with ovglm.load(vision.export(), "CPU", say=lambda text: None) as model:
        alone = model.chat("what?", sampling, images=[photo])
        picture = model.picture(photo)
        asked = [ovglm.Message("user", "what?", pictures=(picture,))]
        assert model.chat(asked, sampling).text == alone.text
        talk = [*asked, ovglm.Message("assistant", "a hat"), ovglm.Message("user", "sure?")]
        more = model.chat(talk, sampling)
        assert more.usage.prompt_tokens > alone.usage.prompt_tokens
        without = model.chat([ovglm.Message("user", "what?"), *talk[1:]], sampling)
        assert more.usage.prompt_tokens - without.usage.prompt_tokens == VECTORS


def test_a_chat_in_a_pipe_asks_about_a_picture(
    vision: VisionExports,
    photo: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    typed = f"/image {photo}\nwhat?\n/retry\n/save talk\n/undo\n/load talk\nsure?\n/stats\n"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(typed.encode())))
    assert main(["chat", str(vision.export()), *EXACT]) == 0
    output = capsys.readouterr().out
    assert "photo.png, a picture of 30 x 50: ask about it" in output
    assert "taken back: [a picture of 30 x 50] what?" in output
    assert "> [a picture of" in output and "3 answers" in output
