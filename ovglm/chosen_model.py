"""A model that was chosen by name, and the way from there to one that answers.

The command line, the server and the Python API all take it. Nothing slow is imported before it
is needed: a refusal should come at once.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ovglm.devices.options import RuntimeOptions
from ovglm.errors import OvglmError

if TYPE_CHECKING:
    from ovglm.assistant import Assistant
    from ovglm.devices.facts import ModelFacts
    from ovglm.recipe import Recipe, WeightFormat
    from ovglm.store import Model

__all__ = ["ChosenModel", "choose"]


def choose(
    model: str,
    runtime: RuntimeOptions | None = None,
    *,
    device: str = "AUTO",
    weights: "WeightFormat | None" = None,
    draft: str | None = None,
    must_chat: bool = True,
    offline: bool = False,
) -> "ChosenModel":
    """Find a model and its draft by what MODEL can be; refuse all that needs no export for it.

    weights: the format to export to, where it is not exported yet. must_chat: refuse a model
    without a chat template. offline: ask no hub. Raises OvglmError.
    """
    from ovglm.hub import get_model

    recipe, runtime = _to_recipe(weights), runtime or RuntimeOptions()
    check = partial(_check_device, device, recipe, runtime)
    found = get_model(model, recipe, before_pull=check, offline=offline)
    if found.is_exported and weights and found.recipe is None:
        raise OvglmError(
            f"{found.folder} is exported already, so --weights {weights} has no effect",
            hint=f"ovglm inspect {found.folder}",
        )
    guesser = get_model(draft, _to_recipe(None), offline=offline) if draft else None
    runtime = replace(runtime, draft=guesser.folder if guesser else None)
    if must_chat:
        from ovglm.template import ChatTemplate

        ChatTemplate.load(found.folder)
    chosen = ChosenModel(found, guesser, weights, device, runtime)
    if not found.is_exported:
        chosen.check_device(device)
    return chosen


@dataclass(frozen=True)
class ChosenModel:
    """A model that was found, not yet exported or loaded, and how it shall run."""

    model: "Model"
    draft: "Model | None"
    weights: "WeightFormat | None"
    device: str
    runtime: RuntimeOptions

    def check_device(self, device: str) -> None:
        """Refuse what no model of this format could run on: absent devices, options they lack."""
        _check_device(device, _to_recipe(self.weights), self.runtime)

    def load(
        self, device: str | None = None, say: Callable[[str], None] | None = None
    ) -> "Assistant":
        """Export where needed and load.

        device: takes the place of the chosen one. say: hears what stderr would.
        """
        from ovglm.assistant import load_assistant

        folder, runtime = self.export()
        heard = {"say": say} if say else {}
        return load_assistant(folder, device or self.device, runtime, **heard)

    def export(self) -> tuple[Path, RuntimeOptions]:
        """Export the model and its draft where needed; give the folder, and how it shall run."""
        from ovglm.recipe import Recipe

        folder = _ensure_exported(self.model, _to_recipe(self.weights))
        draft = _ensure_exported(self.draft, Recipe()) if self.draft else None
        return folder, replace(self.runtime, draft=draft)


def _to_recipe(weights: "WeightFormat | None") -> "Recipe":
    from ovglm.recipe import Recipe

    return Recipe(weights=weights) if weights else Recipe()


def _check_device(device: str, recipe: "Recipe", runtime: RuntimeOptions) -> None:
    from ovglm.devices import choose, list_devices

    plain = replace(runtime, draft=None, context=None, max_response=None, vision_device=None)
    choose(_weightless(recipe), list_devices(), device, plain)


def _weightless(recipe: "Recipe") -> "ModelFacts":
    """Describe a model of this format that fits everywhere."""
    from ovglm.devices import ModelFacts
    from ovglm.recipe import DEVICES, illegal_on

    return ModelFacts(
        name=f"a model in {recipe.weights}",
        folder=Path(),
        weights_bytes=0,
        layers=1,
        kv_heads=1,
        head_dim=1,
        hidden=1,
        vocabulary=1,
        context_length=1 << 20,
        stop_ids=(0,),
        dialect="glm4",
        fingerprint="",
        recipe=recipe.name,
        illegal={device: illegal_on(device, recipe) for device in DEVICES},
        mend="leave out --weights",
    )


def _ensure_exported(model: "Model", recipe: "Recipe") -> Path:
    from ovglm.exporters import ensure_exported
    from ovglm.stored_exports import mark_used

    folder = ensure_exported(model, recipe)
    mark_used(folder)
    return folder
