"""The option that gives a prompt pictures: all that can be refused is refused before a download."""

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ovglm.errors import OvglmError, RequestError
from ovglm.pictures import Picture, check_picture, read_file, read_picture
from ovglm.vision_facts import VisionFacts

if TYPE_CHECKING:
    from ovglm.store import Model

__all__ = ["GivenPicture", "add_image_argument", "check_model", "open_images", "read_images"]


@dataclass(frozen=True)
class GivenPicture:
    """A file that can be read, and its bytes."""

    path: Path
    raw: bytes


def add_image_argument(parser: ArgumentParser) -> None:
    """Describe --image."""
    parser.add_argument(
        "--image",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="a picture to ask about, PNG, JPEG, WebP or GIF, for models that take pictures; may "
        "be repeated where the model takes several",
    )


def open_images(options: Namespace) -> tuple[GivenPicture, ...]:
    """Read the files of --image; refuse damaged ones, and a model that is known to take none."""
    paths: Sequence[Path] = options.image
    if not paths:
        return ()
    _refuse_known(options.model, paths[0])
    images = tuple(GivenPicture(path, read_file(path)) for path in paths)
    for image in images:
        check_picture(image.raw, str(image.path))
    return images


def check_model(model: "Model", images: Sequence[GivenPicture]) -> None:
    """Refuse what the model's folder tells already: pictures for a text model, or too many.

    How many a checkpoint takes is known only once it is exported.
    """
    if not images:
        return
    most = _most_of_export(model.folder) if model.is_exported else _most_of_source(model.folder)
    if most == 0:
        raise _no_use(model.name, images[0].path)
    if most is not None and len(images) > most:
        raise OvglmError(
            f"{model.name} takes {most} picture{'s' * (most != 1)} in a conversation, and --image "
            f"gives it {len(images)}",
            hint=" ".join(f"--image {image.path}" for image in images[:most]),
        )


def read_images(images: Sequence[GivenPicture], facts: VisionFacts | None) -> tuple[Picture, ...]:
    """Make the pictures as the loaded model wants them. Raises RequestError for a text model."""
    if images and facts is None:
        raise RequestError("this model reads text alone", "leave out --image")
    return tuple(
        read_picture(image.raw, facts, str(image.path)) for image in images if facts is not None
    )


def _refuse_known(name: str, path: Path) -> None:
    from ovglm.models import find_entry

    entry = find_entry(name)
    if entry is not None and entry.tower is None and not Path(name).expanduser().exists():
        raise _no_use(name, path)


def _no_use(name: str, path: Path) -> OvglmError:
    from ovglm.models import CATALOGUE

    seeing = next((entry.name for entry in CATALOGUE.values() if entry.tower), "MODEL")
    return OvglmError(
        f"{name} reads text alone, so it has no use for --image {path}",
        hint=f'ovglm run {seeing} "What is this?" --image {path}',
    )


def _most_of_export(folder: Path) -> int:
    """Give how many pictures an exported folder takes."""
    from ovglm.manifest import FILE_NAME, read_manifest

    if not (folder / FILE_NAME).is_file():  # another tool's, of which only text models are run
        return 0
    facts = read_manifest(folder).vision
    return facts.most_pictures if facts else 0


def _most_of_source(folder: Path) -> int | None:
    """Give 0 for a checkpoint without a tower, None for what its export will tell."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return None if isinstance(config, dict) and config.get("vision_config") else 0
