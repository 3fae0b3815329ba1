"""The native road: each part is built, compressed, spooled and dropped; then all are joined.

At no time is more than one layer, or one band of the embedding, held in memory.
"""

from pathlib import Path

import openvino as ov

from ovglm.progress import Progress
from ovglm.recipe import Recipe
from ovglm_export.checkpoint import Checkpoint
from ovglm_export.compress import int8_sensitivity
from ovglm_export.graph import make_model
from ovglm_export.join import join_parts
from ovglm_export.parts import PartBuilder
from ovglm_export.plan import EMBEDDING, Plan, layer_matrices, make_plan
from ovglm_export.spool import Spool
from ovglm_export.stacked_qkv import stack_qkv
from ovglm_export.text_models import without_embedding

__all__ = [
    "embedding_output",
    "join_model",
    "join_spooled",
    "load_part",
    "part_names",
    "plan_matrices",
    "spool_part",
    "spool_parts",
]

_SENSITIVITIES = "sensitivities"


def part_names(layers: int) -> list[str]:
    """List the parts in the order of the graph."""
    return ["embedding", *(f"layer_{at:03d}" for at in range(layers)), "head"]


def plan_matrices(checkpoint: Checkpoint, recipe: Recipe, spool: Spool, progress: Progress) -> Plan:
    """Give every matrix its format; a ratio below 1 measures each matrix first."""
    arch = checkpoint.architecture
    if recipe.ratio >= 1:
        return make_plan(arch, recipe)
    known = spool.noted(_SENSITIVITIES)
    if not isinstance(known, dict):
        known = {}
        progress.stage("measure", arch.layers)
        for at in range(arch.layers):
            for name in layer_matrices(at):
                known[name] = int8_sensitivity(checkpoint.weight(f"{name}.weight"))
            progress.advance()
        spool.note(_SENSITIVITIES, known)
    return make_plan(arch, recipe, known)


def spool_parts(checkpoint: Checkpoint, plan: Plan, spool: Spool, progress: Progress) -> None:
    """Make every part that the spool does not hold yet."""
    names = part_names(checkpoint.architecture.layers)
    progress.stage("compress", len(names))
    for name in names:
        if not spool.has(name):
            spool_part(checkpoint, plan, spool, name)
        progress.advance()


def spool_part(checkpoint: Checkpoint, plan: Plan, spool: Spool, name: str) -> None:
    """Make one part; its tensors must be on this disk."""
    with spool.scratch() as scratch:
        builder = PartBuilder(checkpoint, plan.formats, scratch)
        spool.save(name, _build(builder, name))


def _build(builder: PartBuilder, name: str) -> ov.Model:
    """Build a part by its name."""
    if name == "embedding":
        return builder.embedding()
    if name == "head":
        return builder.head()
    return stack_qkv(builder.decoder_layer(int(name.split("_")[1])))


def join_spooled(checkpoint: Checkpoint, spool: Spool, plan: Plan, path: Path) -> None:
    """Join the spooled parts and save the whole model as path (.xml) and its .bin."""
    ov.save_model(join_model(checkpoint, spool, plan), path, compress_to_fp16=False)


def join_model(checkpoint: Checkpoint, spool: Spool, plan: Plan) -> ov.Model:
    """Join the spooled parts into the whole model; it maps their files.

    That of a model that takes pictures begins behind the embedding.
    """
    arch = checkpoint.architecture
    first, *layers, last = [spool.load(name) for name in part_names(arch.layers)]
    tied = embedding_output(first) if arch.tied else None
    model = join_parts(first, layers, last, tied)
    if checkpoint.vision is not None:
        model = without_embedding(model)
    for name, value in _runtime_options(plan).items():
        model.set_rt_info(value, ["runtime_options", name])
    return model


def _runtime_options(plan: Plan) -> dict[str, str]:
    """Choose the defaults that the IR gives to a plugin; a property set at load wins over them."""
    if all(one.kind == "float" for one in plan.formats.values()):
        # Unquantised weights come with an unquantised cache; optimum-intel writes the same.
        return {"KV_CACHE_PRECISION": "f16"}
    sizes = plan.group_sizes
    if not sizes or -1 in sizes:
        return {}
    # Activations rounded in the weights' own groups: decodes 1.3 times as fast as the plugin's
    # groups of 32; on nano the KL to float32 grows by 0.1 % (0.1721 to 0.1722).
    return {"DYNAMIC_QUANTIZATION_GROUP_SIZE": str(min(sizes))}


def load_part(spool: Spool, name: str) -> ov.Model:
    """Read a part that can run alone: a tied head takes the embedding's matrix along."""
    part = spool.load(name)
    tied = [one for one in part.get_parameters() if one.get_friendly_name() == "tied_weight"]
    if not tied:
        return part
    tied[0].output(0).replace(embedding_output(spool.load("embedding")))
    inputs = [one for one in part.get_parameters() if one is not tied[0]]
    return make_model(part.get_results(), inputs[:1], name)


def embedding_output(first: ov.Model) -> ov.Output:
    """Find the float32 embedding matrix that the ids are looked up in."""
    gather = next(op for op in first.get_ops() if op.get_friendly_name() == EMBEDDING)
    return gather.input_value(0)
