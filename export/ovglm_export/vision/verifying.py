"""How far an exported tower is from its checkpoint: both run layer by layer over made pictures."""

from pathlib import Path

import numpy as np
import openvino as ov

from ovglm.errors import FolderError
from ovglm.verification import Level
from ovglm.vision_facts import VISION_EMBEDDINGS_FILE, VisionAgreement, VisionFacts
from ovglm_export.checkpoint import Checkpoint
from ovglm_export.graph import make_model, named_input, named_output
from ovglm_export.layerwise import EXACT, RunningPart
from ovglm_export.verify.rounding import rounded
from ovglm_export.vision.export import plan_vision
from ovglm_export.vision.parts import (
    STATES,
    STATES_OUT,
    VECTORS,
    VisionBuilder,
    state_name,
)
from ovglm_export.vision.spooling import build_part, tower_part_names

__all__ = ["PICTURES", "compare_vectors", "cut_tower", "made_pictures", "verify_tower"]

# Pictures that are looked at; a tower of GLM-4V-9B's size takes minutes for each.
PICTURES: dict[Level, int] = {"quick": 1, "full": 3}
_SEED = 7


def verify_tower(
    checkpoint: Checkpoint, folder: Path, level: Level, properties: dict[str, str], scratch: Path
) -> VisionAgreement | None:
    """Hold the tower of an exported folder against the checkpoint's; None where there is none.

    properties: how the CPU runs the export. scratch: a folder for large tables.
    Raises FolderError where the folder has no tower of this shape.
    """
    planned = plan_vision(checkpoint, None)
    if planned is None:
        return None
    pixels = made_pictures(planned.facts(), PICTURES[level])
    arch, found, wanted = planned.arch, list(pixels), list(pixels)
    parts = cut_tower(folder, arch.layers)
    for name, part in zip(tower_part_names(arch.layers), parts, strict=True):
        found = _run(part, found, properties)
        builder = VisionBuilder(checkpoint, arch, "bf16", scratch)
        wanted = _run(build_part(builder, name), wanted, EXACT)
    return compare_vectors(np.stack(found), np.stack(wanted))


def cut_tower(folder: Path, layers: int) -> tuple[ov.Model, ...]:
    """Cut an exported tower, whose weights stay mapped, in front of each layer and behind the last.

    Raises FolderError where it is missing, or no tower of so many layers.
    """
    path = folder / VISION_EMBEDDINGS_FILE
    if not path.is_file():
        raise FolderError(f"{path} is missing", "export the model again")
    model = ov.Core().read_model(path)
    nodes = {op.get_friendly_name(): op for op in model.get_ordered_ops()}
    names = [state_name(at) for at in range(layers + 1)]
    if any(name not in nodes for name in names) or state_name(layers + 1) in nodes:
        raise FolderError(
            f"{path} is no tower of {layers} layers",
            "give the checkpoint that this folder was made from with --against",
        )
    starts = list(model.get_parameters())
    ends = []
    for name in names:
        border = nodes[name].output(0)
        shape = border.get_partial_shape()
        sizes = [one.get_length() if one.is_static else -1 for one in shape]
        given = named_input(STATES, sizes)
        border.replace(given.output(0))
        given.output(0).set_names({STATES})  # with it came the border's own names
        ends.append(named_output(border, STATES_OUT))
        starts.append(given)
    ends.append(model.output(VECTORS).get_node())
    pairs = zip(starts, ends, strict=True)
    return tuple(make_model([end], [start], "part") for start, end in pairs)


def made_pictures(facts: VisionFacts, count: int) -> np.ndarray:
    """Make pictures that are always the same, as the tower takes them: float32 [count, C, S, S].

    Each has a slope of every colour, some blocks and a little noise.
    """
    rng, side = np.random.default_rng(_SEED), facts.image_size
    rows, columns = np.mgrid[0:side, 0:side] / side
    pictures = np.empty((count, facts.channels, side, side), np.float32)
    for picture in pictures:
        for channel, values in enumerate(picture):
            slope = rng.uniform(-1, 1, 2)
            values[:] = 128 + 120 * (slope[0] * (rows - 0.5) + slope[1] * (columns - 0.5))
            values[:] += rng.normal(0, 8, values.shape)
            for _ in range(6):
                top, left = rng.integers(0, side, 2)
                height, width = rng.integers(1, max(2, side // 3), 2)
                values[top : top + height, left : left + width] = rng.integers(0, 256)
            byte = np.clip(values, 0, 255).round()
            values[:] = (byte * facts.rescale - facts.mean[channel]) / facts.std[channel]
    return pictures


def compare_vectors(found: np.ndarray, wanted: np.ndarray) -> VisionAgreement:
    """Compare vectors: float32 [pictures, vectors, H] each."""
    lengths = np.linalg.norm(found, axis=-1) * np.linalg.norm(wanted, axis=-1)
    cosine = (found * wanted).sum(-1) / np.maximum(lengths, np.finfo(np.float32).tiny)
    return VisionAgreement(
        pictures=len(found),
        vectors=found.shape[1],
        cosine_mean=_near_one(cosine.mean()),
        cosine_least=_near_one(cosine.min()),
        max_difference=rounded(np.abs(found - wanted).max()),
        range=rounded(np.ptp(wanted)),
    )


def _near_one(cosine: float) -> float:
    """Keep six digits; four would show an angle of half a degree as none."""
    return round(min(float(cosine), 1.0), 6)


def _run(part: ov.Model, states: list[np.ndarray], properties: dict[str, str]) -> list[np.ndarray]:
    """Run one part over the states of each picture."""
    name = part.input(0).any_name
    # Without its cache the plugin's attention takes 0.6 GB more, at GLM-Edge-V-2B's shape.
    running = RunningPart(part, keep=True, properties=properties)
    return [next(iter(running.run({name: one[None]}).values()))[0] for one in states]
