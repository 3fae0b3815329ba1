"""The options that name a model, and the way from there to one that answers."""

from argparse import ArgumentParser, Namespace
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ovglm.errors import OvglmError

if TYPE_CHECKING:
    from ovglm.assistant import Assistant
    from ovglm.devices.facts import ModelFacts
    from ovglm.devices.options import RuntimeOptions
    from ovglm.recipe import Recipe, WeightFormat
    from ovglm.store import Model

__all__ = ["ChosenModel", "add_model_arguments", "choose_model"]


def add_model_arguments(parser: ArgumentParser) -> None:
    """Describe MODEL and the format it is exported to where it is not yet."""
    add = parser.add_argument
    add("model", metavar="MODEL", help="a name of `ovglm list`, a checkpoint or exported folder")
    add(
        "--weights",
        choices=("int4", "int8", "bf16"),
        help="the format to export to, where the model is not exported yet (default: int4)",
    )


def choose_model(options: Namespace) -> "ChosenModel":
    """Find the model and its draft; refuse here all that needs no export to be refused."""
    from ovglm.cli.runtime_arguments import to_runtime_options
    from ovglm.store import find_model
    from ovglm.template import ChatTemplate

    model = find_model(options.model)
    if model.is_exported and options.weights:
        raise OvglmError(
            f"{model.folder} is exported already, so --weights {options.weights} has no effect",
            hint=f"ovglm inspect {model.folder}",
        )
    draft = find_model(options.draft) if options.draft else None
    runtime = to_runtime_options(options, draft.folder if draft else None)
    ChatTemplate.load(model.folder)
    chosen = ChosenModel(model, draft, options.weights, options.device, runtime)
    if not model.is_exported:
        chosen.check_device(options.device)
    return chosen


@dataclass(frozen=True)
class ChosenModel:
    """A model that was found, not yet exported or loaded, and how it shall run."""

    model: "Model"
    draft: "Model | None"
    weights: "WeightFormat | None"
    device: str
    runtime: "RuntimeOptions"

    def check_device(self, device: str) -> None:
        """Refuse what no model of this format could run on: absent devices, options they lack."""
        from ovglm.devices import choose, list_devices

        any_model = _weightless(self._recipe)
        runtime = replace(self.runtime, draft=None, context=None, max_response=None)
        choose(any_model, list_devices(), device, runtime)

    def load(self, device: str | None = None) -> "Assistant":
        """Export where needed and load; `device` takes the place of --device."""
        from ovglm.assistant import load_assistant

        folder, runtime = self.export()
        return load_assistant(folder, device or self.device, runtime)

    def export(self) -> "tuple[Path, RuntimeOptions]":
        """Export the model and its draft where needed; give the folder, and how it shall run."""
        from ovglm.recipe import Recipe

        folder = _ensure_exported(self.model, self._recipe)
        draft = _ensure_exported(self.draft, Recipe()) if self.draft else None
        return folder, replace(self.runtime, draft=draft)

    @property
    def _recipe(self) -> "Recipe":
        from ovglm.recipe import Recipe

        return Recipe(weights=self.weights) if self.weights else Recipe()


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
