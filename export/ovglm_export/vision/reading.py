"""Finds out whether a checkpoint takes pictures, and reads its tower."""

from typing import Any

from ovglm.errors import CheckpointError
from ovglm.vision_sizes import MERGED
from ovglm_export.families.base import Config
from ovglm_export.vision import eva2_clip, siglip
from ovglm_export.vision.family import Tables, VisionFamily, read_numbers
from ovglm_export.vision.tower import VisionArchitecture

__all__ = ["VISION_FAMILIES", "find_vision_family", "read_tower", "text_config"]

# By the model_type of config.json, which for both is also that of a model of text alone.
VISION_FAMILIES: dict[str, VisionFamily] = {"glm": siglip.FAMILY, "chatglm": eva2_clip.FAMILY}
_AGAIN = "copy the checkpoint's own config.json again"


def find_vision_family(config: Config) -> VisionFamily | None:
    """Find the family of the tower that a config describes; None where it describes none."""
    vision = config.get("vision_config")
    if not isinstance(vision, dict) or not vision:
        return None
    return VISION_FAMILIES.get(config.get("model_type", ""))


def text_config(config: Config) -> dict[str, Any]:
    """Return what describes the text model; a tower of no known family stays, to be refused."""
    left = {"vision_config"} if find_vision_family(config) else set()
    return {name: value for name, value in config.items() if name not in left}


def read_tower(family: VisionFamily, config: Config, tensors: Tables) -> VisionArchitecture:
    """Read the tower's numbers.

    Raises CheckpointError where one is absent, or where they contradict each other.
    """
    arch = read_numbers(family, config, tensors)
    _check_numbers(arch, len(tensors))
    return arch


def _check_numbers(arch: VisionArchitecture, tensors: int) -> None:
    """Refuse numbers that contradict each other, or the number of tensors."""
    if arch.layers > tensors:
        raise CheckpointError(
            f"vision_config has {arch.layers} layers, but the files hold only {tensors} tensors",
            _AGAIN,
        )
    if arch.hidden_size % arch.heads:
        raise CheckpointError(
            f"vision_config has {arch.heads} heads, which do not divide its "
            f"{arch.hidden_size} channels",
            _AGAIN,
        )
    if arch.grid < MERGED:
        raise CheckpointError(
            f"vision_config gives pictures of {arch.image_size} pixels {arch.grid} patches of "
            f"{arch.patch_size} a side; {MERGED} are needed",
            _AGAIN,
        )
    if arch.begin_id == arch.end_id:
        raise CheckpointError(
            f"config.json gives boi_token_id and eoi_token_id the same token {arch.begin_id}",
            _AGAIN,
        )
