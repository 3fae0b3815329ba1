"""Which format each matrix gets: by the recipe, its width, and for a ratio its sensitivity."""

from collections.abc import Mapping
from dataclasses import dataclass

from ovglm.errors import RecipeError
from ovglm.recipe import MatrixFormat, Recipe
from ovglm.weight_sizes import (
    EMBEDDING,
    HEAD,
    fit_format,
    layer_matrices,
    matrix_shapes,
    stored_bytes,
    wanted_formats,
)
from ovglm_export.architecture import Architecture

__all__ = ["EMBEDDING", "HEAD", "Plan", "layer_matrices", "make_plan"]


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
        """Return the size of all matrices as they are stored."""
        return sum(stored_bytes(self.shapes[name], one) for name, one in self.formats.items())


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
    shapes = matrix_shapes(arch)
    wanted = wanted_formats(arch, recipe)
    sizes = {
        name: shapes[name][0] * shapes[name][1]
        for at in range(arch.layers)
        for name in layer_matrices(at)
    }
    for name in _kept_from_int4(sizes, recipe, sensitivities):
        wanted[name] = recipe.backup_format
    formats = {name: fit_format(one, shapes[name][1]) for name, one in wanted.items()}
    return Plan(formats, shapes, _remarks(wanted, formats, shapes))


def _kept_from_int4(
    sizes: Mapping[str, int], recipe: Recipe, sensitivities: Mapping[str, float] | None
) -> list[str]:
    """Choose the matrices that the ratio keeps from INT4: the most sensitive ones.

    sizes: the weights of each matrix of the layers. The least sensitive become INT4 as long as
    their share stays below the ratio; this is the rule of NNCF's `MixedPrecisionCriterion.apply`.
    """
    if recipe.ratio >= 1:
        return []
    total, chosen = sum(sizes.values()), 0
    ranked = sorted(sizes, key=lambda name: sensitivities[name] if sensitivities else 0)
    for place, name in enumerate(ranked):
        if (chosen + sizes[name]) / total >= recipe.ratio:
            return ranked[place:]
        chosen += sizes[name]
    return []


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
