"""How a checkpoint wants a picture before its tower sees it, from its preprocessor config."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ovglm.errors import CheckpointError
from ovglm.vision_facts import Resample, Resize
from ovglm_export.vision.tower import VisionArchitecture

__all__ = ["FILE_NAME", "Processor", "read_processor", "write_processor"]

FILE_NAME = "preprocessor_config.json"
_AGAIN = f"copy the checkpoint's own {FILE_NAME} again"
# PIL's numbers of its filters, as transformers writes them.
_FILTERS: tuple[Resample, ...] = ("nearest", "lanczos", "bilinear", "bicubic", "box", "hamming")
_STEPS = ("do_resize", "do_rescale", "do_normalize")
# THUDM/glm-4v-9b has no such file: the constants stand in its tokenization_chatglm.py, which makes
# a picture square with bicubic interpolation and takes CLIP's mean and standard deviation.
_EVA2_CLIP: dict[str, Any] = {
    "image_processor_type": "CLIPImageProcessor",
    "image_mean": [0.48145466, 0.4578275, 0.40821073],
    "image_std": [0.26862954, 0.26130258, 0.27577711],
    "resample": 3,
    "rescale_factor": 1 / 255,
    "do_center_crop": False,
    "do_convert_rgb": True,
    "do_normalize": True,
    "do_rescale": True,
    "do_resize": True,
}
_RESIZE: dict[str, Resize] = {"siglip": "fit", "eva2_clip": "stretch"}


@dataclass(frozen=True)
class Processor:
    """The steps from a picture to numbers, as VisionFacts describes them.

    raw: the fields of the file, without those that would name the checkpoint's own code.
    """

    resize: Resize
    resample: Resample
    rescale: float
    mean: tuple[float, ...]
    std: tuple[float, ...]
    raw: Mapping[str, Any]


def read_processor(folder: Path, arch: VisionArchitecture) -> Processor:
    """Read preprocessor_config.json; GLM-4V-9B, which has none, gets what its code says.

    Raises CheckpointError where the file is missing or damaged, or asks for another picture than
    the tower takes.
    """
    raw = _read_file(folder, arch)
    if off := [step for step in _STEPS if raw.get(step, True) is not True]:
        raise _bad(off[0], raw[off[0]], "true")
    for field, wanted in (("max_image_tiles", 1), ("do_center_crop", False)):
        if raw.get(field, wanted) != wanted:
            raise _bad(field, raw[field], str(wanted).lower())
    size = raw.get("size")
    sides = list(size.values()) if isinstance(size, dict) else [size]
    if not sides or any(side != arch.image_size for side in sides):
        raise _bad("size", size, f"{arch.image_size} pixels, as in config.json,")
    return Processor(
        resize=_RESIZE[arch.tower],
        resample=_read_filter(raw),
        rescale=_read_scale(raw.get("rescale_factor", 1 / 255)),
        mean=_read_numbers(raw, "image_mean", arch.channels),
        std=_read_numbers(raw, "image_std", arch.channels, positive=True),
        raw=raw,
    )


def write_processor(processor: Processor, folder: Path) -> None:
    """Write the file into an exported folder."""
    text = json.dumps(dict(processor.raw), indent=2, sort_keys=True)
    (folder / FILE_NAME).write_text(text + "\n", encoding="utf-8", newline="\n")


def _read_file(folder: Path, arch: VisionArchitecture) -> dict[str, Any]:
    """Read the file's fields."""
    path, side = folder / FILE_NAME, arch.image_size
    if not path.is_file():
        if arch.tower == "eva2_clip":
            return {**_EVA2_CLIP, "size": {"height": side, "width": side}}
        raise CheckpointError(
            f"{folder} holds no {FILE_NAME}, which says how its pictures are prepared", _AGAIN
        )
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{FILE_NAME} is not readable JSON: {error}", _AGAIN) from error
    if not isinstance(raw, dict):
        raise CheckpointError(f"{FILE_NAME} is not a JSON object", _AGAIN)
    return {name: value for name, value in raw.items() if name != "auto_map"}


def _read_filter(raw: Mapping[str, Any]) -> Resample:
    number = raw.get("resample")
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < len(_FILTERS):
        raise _bad("resample", number, f"a number from 0 to {len(_FILTERS) - 1}")
    return _FILTERS[number]


def _read_scale(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e30:
        raise _bad("rescale_factor", value, "a positive number")
    return float(value)


def _read_numbers(
    raw: Mapping[str, Any], field: str, count: int, *, positive: bool = False
) -> tuple[float, ...]:
    """Read one number for each channel."""
    values = raw.get(field)
    numbers = [float(one) for one in values if _is_number(one)] if isinstance(values, list) else []
    if len(numbers) != count or numbers != values or (positive and min(numbers) <= 0):
        kind = "positive number" if positive else "number"
        raise _bad(field, values, f"a {kind} for each of {count} channels")
    return tuple(numbers)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _bad(field: str, value: object, wanted: str) -> CheckpointError:
    return CheckpointError(f"{FILE_NAME} has {field} = {value!r:.60}; {wanted} is needed", _AGAIN)
