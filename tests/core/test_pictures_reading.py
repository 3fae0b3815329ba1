"""Pictures become what the vendors' processors make of them; and data: URLs, and back."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from transformers.models.mllama.image_processing_pil_mllama import (
    MllamaImageProcessorPil,
    get_image_size_fit_to_canvas,
)

from ovglm.errors import PictureError
from ovglm.messages import Message
from ovglm.pictures import (
    normalize,
    pictures_of,
    prompt_tokens,
    read_data_url,
    read_picture,
    to_data_url,
)
from ovglm.pictures.reading import fitted_size
from ovglm.vision_facts import VisionFacts
from small_pictures import EACH, SPAN, picture_file

FIT = replace(EACH, image_size=56, resample="bicubic")
STRETCH = replace(
    SPAN,
    image_size=56,
    resample="bicubic",
    mean=(0.48145466, 0.4578275, 0.40821073),
    std=(0.26862954, 0.26130258, 0.27577711),
)
SIZES = [(56, 56), (1, 1), (30, 47), (47, 30), (200, 10), (10, 200), (55, 57), (1000, 3), (3, 1000)]


def _noise(size: tuple[int, int], seed: int = 0) -> Image.Image:
    width, height = size
    values = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(values)


@pytest.mark.parametrize("side", [56, 672])
@pytest.mark.parametrize("size", [*SIZES, (4032, 3024), (20_000, 10), (10, 20_000), (7, 9999)])
def test_a_picture_is_fitted_as_transformers_does_it(side: int, size: tuple[int, int]) -> None:
    width, height = size
    wanted = get_image_size_fit_to_canvas(height, width, side, side, side)
    assert fitted_size(size, side) == wanted[::-1]


@pytest.mark.parametrize("resample", ["bilinear", "bicubic", "lanczos"])
@pytest.mark.parametrize("size", SIZES)
def test_fit_gives_the_numbers_of_the_vendor_s_processor(
    size: tuple[int, int], resample: str
) -> None:
    facts = replace(FIT, resample=resample, mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.4))
    processor = MllamaImageProcessorPil(
        size={"height": 56, "width": 56},
        max_image_tiles=1,
        resample=Image.Resampling[resample.upper()].value,
        image_mean=facts.mean,
        image_std=facts.std,
    )
    wanted = processor(_noise(size), return_tensors="np")["pixel_values"][0, 0, 0]
    seen = normalize(read_picture(_noise(size), facts), facts)
    assert seen.dtype == np.float32 and seen.shape == (3, 56, 56)
    assert np.abs(seen - wanted).max() < 1e-6


@pytest.mark.parametrize("mode", ["RGBA", "LA", "L", "P", "CMYK", "1"])
def test_other_modes_give_the_numbers_of_the_vendor_s_processor(mode: str) -> None:
    image = _noise((47, 30)).convert(mode)
    if mode in ("RGBA", "LA"):
        image.putalpha(_noise((47, 30), 1).convert("L"))
    processor = MllamaImageProcessorPil(
        size={"height": 56, "width": 56}, max_image_tiles=1, resample=3,
        image_mean=[0.5] * 3, image_std=[0.5] * 3,
    )  # fmt: skip
    wanted = processor(image, return_tensors="np")["pixel_values"][0, 0, 0]
    assert np.abs(normalize(read_picture(image, FIT), FIT) - wanted).max() < 1e-6


def test_the_fill_is_black_before_it_is_normalised() -> None:
    picture = read_picture(Image.new("RGB", (40, 20), "white"), FIT)
    assert picture.pixels.shape == (56, 56, 3) and picture.pixels.dtype == np.uint8
    assert (picture.pixels[:28] == 255).all() and (picture.pixels[28:] == 0).all()
    numbers = normalize(picture, FIT)
    assert numbers[:, :28].min() == 1.0 and numbers[:, 28:].max() == -1.0
    assert picture.size == (40, 20)


@pytest.mark.parametrize("size", SIZES)
def test_stretch_is_pillow_s_bicubic_on_whole_numbers(size: tuple[int, int]) -> None:
    image = _noise(size)
    resized = np.asarray(image.resize((56, 56), Image.Resampling.BICUBIC), np.float64) / 255
    wanted = ((resized - STRETCH.mean) / STRETCH.std).transpose(2, 0, 1)
    assert np.abs(normalize(read_picture(image, STRETCH), STRETCH) - wanted).max() < 1e-6


@pytest.mark.parametrize("facts", [FIT, STRETCH], ids=["fit", "stretch"])
def test_one_pixel_and_a_thread_have_results(facts: VisionFacts) -> None:
    one = read_picture(Image.new("RGB", (1, 1), "red"), facts)
    assert (one.pixels == [255, 0, 0]).all()
    thread = read_picture(Image.new("RGB", (20_000, 10), "red"), facts)
    rows = 1 if facts is FIT else 56
    assert (thread.pixels[:rows] == [255, 0, 0]).all() and not thread.pixels[rows:].any()


def test_grey_towers_get_grey(tmp_path: Path) -> None:
    facts = replace(FIT, channels=1, mean=(0.5,), std=(0.5,))
    picture = read_picture(_noise((56, 56)), facts)
    wanted = np.asarray(_noise((56, 56)).convert("L"))
    assert np.array_equal(picture.pixels[:, :, 0], wanted)
    assert normalize(picture, facts).shape == (1, 56, 56)
    again = read_picture(read_data_url(to_data_url(picture, facts)), facts)
    assert again.digest == picture.digest
    with pytest.raises(PictureError, match="4 channels"):
        read_picture(_noise((8, 8)), replace(FIT, channels=4))


def test_paths_bytes_and_pictures_of_pillow_give_the_same(tmp_path: Path) -> None:
    path, raw = tmp_path / "red.png", picture_file()
    path.write_bytes(raw)
    read = [read_picture(one, FIT) for one in (path, raw, Image.new("RGB", (40, 20), "red"))]
    assert len({one.digest for one in read}) == 1
    other = read_picture(picture_file(color="blue"), FIT)
    assert other.digest != read[0].digest and len(other.digest) == 64


def test_errors_name_the_picture(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("hello")
    with pytest.raises(PictureError, match=r"notes\.txt is no picture"):
        read_picture(path, FIT)
    with pytest.raises(PictureError, match=r"messages\[0\] is no picture"):
        read_picture(b"hello", FIT, "messages[0]")
    with pytest.raises(PictureError, match="the picture is no picture"):
        read_picture(b"hello", FIT)


@pytest.mark.parametrize("facts", [FIT, STRETCH], ids=["fit", "stretch"])
@pytest.mark.parametrize("size", SIZES)
def test_a_data_url_keeps_what_the_model_saw(facts: VisionFacts, size: tuple[int, int]) -> None:
    picture = read_picture(_noise(size), facts)
    again = read_picture(read_data_url(to_data_url(picture, facts)), facts)
    assert again.digest == picture.digest


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("https://a.example/b.png", "'https://a.example/b.png' is not the type"),
        ("data:image/tiff;base64,AAAA", "'image/tiff' is not the type"),
        ("data:image/png,AAAA", "not in base64"),
        ("data:image/png;base64,***", "not valid base64"),
        ("data:image/png;base64,R0lGODlh", "says image/png, and its bytes are GIF"),
        ("data:image/png;base64,aGVsbG8=", "its bytes are no such picture"),
        ("data:image/png;base64", "is not the type"),
    ],
)
def test_another_url_is_refused(url: str, message: str) -> None:
    with pytest.raises(PictureError, match=message):
        read_data_url(url)


def test_the_pictures_of_messages_come_in_their_order() -> None:
    one, two = (read_picture(picture_file(color=color), FIT) for color in ("red", "blue"))
    messages = [
        Message("user", "a", pictures=(one,)),
        Message("assistant", "b"),
        Message("user", "c", pictures=(two, one)),
    ]
    assert pictures_of(messages) == (one, two, one)


def test_each_vector_of_a_picture_counts_as_a_token() -> None:
    picture = read_picture(picture_file(), EACH)
    assert prompt_tokens(range(20), (picture,), EACH) == 20
    assert prompt_tokens(range(20), (picture, picture), SPAN) == 20 + 2 * (6 - 3)
    assert prompt_tokens(range(20), (), SPAN) == prompt_tokens(range(20), (), None) == 20
