"""A tower's parts, made one by one, spooled and joined: one layer at a time is in memory."""

import openvino as ov

from ovglm.progress import Progress
from ovglm.vision_facts import VisionWeights
from ovglm_export.checkpoint import Checkpoint
from ovglm_export.graph import make_model, named_output
from ovglm_export.spool import Spool
from ovglm_export.vision.parts import STATES_OUT, VECTORS, VisionBuilder
from ovglm_export.vision.tower import VisionArchitecture

__all__ = ["build_part", "join_tower", "spool_tower", "tower_part_names"]

_PATCHES, _ADAPTER = "vision_patches", "vision_adapter"


def tower_part_names(layers: int) -> list[str]:
    """List the parts in the order of the graph."""
    return [_PATCHES, *(f"vision_layer_{at:03d}" for at in range(layers)), _ADAPTER]


def spool_tower(
    checkpoint: Checkpoint,
    arch: VisionArchitecture,
    weights: VisionWeights,
    spool: Spool,
    progress: Progress,
) -> None:
    """Make every part that the spool does not hold yet."""
    names = tower_part_names(arch.layers)
    progress.stage("vision", len(names))
    for name in names:
        if not spool.has(name):
            with spool.scratch() as scratch:
                builder = VisionBuilder(checkpoint, arch, weights, scratch)
                spool.save(name, build_part(builder, name))
        progress.advance()


def build_part(builder: VisionBuilder, name: str) -> ov.Model:
    """Build a part by its name; the builder has to live as long as the model."""
    if name == _PATCHES:
        return builder.patches()
    return builder.adapter() if name == _ADAPTER else builder.layer(int(name.split("_")[2]))


def join_tower(arch: VisionArchitecture, spool: Spool) -> ov.Model:
    """Join the spooled parts: pixel_values in, last_hidden_state out; it maps their files."""
    first, *rest = [spool.load(name) for name in tower_part_names(arch.layers)]
    states = _source(first, STATES_OUT)
    for part in rest:
        end = _source(part, VECTORS if part is rest[-1] else STATES_OUT)
        part.get_parameters()[0].output(0).replace(states)
        states = end
    return make_model([named_output(states, VECTORS)], first.get_parameters(), "ovglm_vision")


def _source(part: ov.Model, name: str) -> ov.Output:
    """Return what feeds a part's named output."""
    return part.output(name).get_node().input_value(0)
