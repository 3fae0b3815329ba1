"""Which format each matrix gets: by the recipe, its width, and for a ratio its sensitivity."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ovglm.errors import RecipeError
from ovglm.recipe import MatrixFormat, Recipe, matrix_group_size
from ovglm_export.architecture import Architecture
from ovglm_export.checkpoint import expected_shape

__all__ = ["EMBEDDING", "HEAD", "Plan", "layer_matrices", "make_plan"]

EMBEDDING, HEAD = "model.embed_tokens", "lm_head"
_LAYER = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
          "mlp.gate_up_proj", "mlp.down_proj")  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """The format of every matrix by name, and remarks on those that differ from the recipe."""

    formats: dict[str, MatrixFormat]
    shapes: dict[str, tuple[int, ...]]
    notes: tuple[str, ...]

    @property
    def group_sizes(self) -> set[int]:
        """Return the group sizes of all INT4 matrices."""
        return {one.group_size for one in self.formats.values() if one.kind == "int4"}

    def size_bytes(self) -> int:
        """Estimate the size of the compressed weights."""
        return sum(
            int(self.shapes[name][0] * self.shapes[name][1] * _bytes_per_weight(one))
            for name, one in self.formats.items()
        )


def layer_matrices(layer: int) -> list[str]:
    """List the MatMul names of one decoder layer."""
    return [f"model.layers.{layer}.{name}" for name in _LAYER]


def make_plan(
    arch: Architecture, recipe: Recipe, sensitivities: Mapping[str, float] | None = None
) -> Plan:
    """Give every matrix a format.

    sensitivities: one number for each matrix of the layers. A ratio below 1 chooses by them;
    without them all matrices count as equal, which gives about the right size.
    Raises RecipeError for an INT4 head where the head is the embedding.
    """
    if arch.tied and recipe.lm_head == "int4":
        raise RecipeError(
            "--lm-head int4 has no meaning here: the embeddings are tied, so the head is the "
            "embedding",
            "leave out --lm-head",
        )
    wanted = {name: recipe.layer_format for at in range(arch.layers) for name in layer_matrices(at)}
    for name in _kept_from_int4(arch, recipe, wanted, sensitivities):
        wanted[name] = recipe.backup_format
    wanted[EMBEDDING] = recipe.embedding_format
    if not arch.tied:
        wanted[HEAD] = recipe.head_format
    shapes = {name: expected_shape(arch, f"{name}.weight") for name in wanted}
    formats = {name: _fit(one, shapes[name][1]) for name, one in wanted.items()}
    return Plan(formats, shapes, _remarks(wanted, formats, shapes))


def _kept_from_int4(
    arch: Architecture,
    recipe: Recipe,
    wanted: Mapping[str, MatrixFormat],
    sensitivities: Mapping[str, float] | None,
) -> list[str]:
    """Choose the matrices that the ratio keeps from INT4: the most sensitive ones.

    The least sensitive become INT4 as long as their share stays below the ratio; this is the
    rule of NNCF's `MixedPrecisionCriterion.apply`.
    """
    if recipe.ratio >= 1:
        return []
    sizes = {}
    for name in wanted:
        rows, columns = expected_shape(arch, f"{name}.weight")
        sizes[name] = rows * columns
    total, chosen = sum(sizes.values()), 0
    ranked = sorted(wanted, key=lambda name: sensitivities[name] if sensitivities else 0)
    for place, name in enumerate(ranked):
        if (chosen + sizes[name]) / total >= recipe.ratio:
            return ranked[place:]
        chosen += sizes[name]
    return []


def _fit(one: MatrixFormat, width: int) -> MatrixFormat:
    """Fit the group size to a matrix's width."""
    if one.kind != "int4":
        return one
    return replace(one, group_size=matrix_group_size(width, one.group_size))


def _remarks(
    wanted: Mapping[str, MatrixFormat],
    formats: Mapping[str, MatrixFormat],
    shapes: Mapping[str, tuple[int, ...]],
) -> tuple[str, ...]:
    """Say which matrices have another group size than the recipe's."""
    return tuple(
        f"{name}: width {shapes[name][1]} is not a multiple of {wanted[name].group_size}, "
        f"so it is {one.label()}"
        for name, one in formats.items()
        if one != wanted[name]
    )


def _bytes_per_weight(one: MatrixFormat) -> float:
    """Estimate the stored bytes of a weight with its share of scale (and zero point)."""
    bits = {"int4": 4, "int8": 8, "float": 16}[one.kind]
    per_group = 0 if one.kind == "float" or one.group_size == -1 else 2 / one.group_size
    return bits / 8 + per_group
