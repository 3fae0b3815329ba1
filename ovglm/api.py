"""The Python API, `import ovglm`: pull, export, load and devices; what the commands do, as calls.

Every function raises `ovglm.OvglmError`, whose `message` is one sentence and whose `hint` is the
next thing to try. The examples run as they stand: nano ships with ovglm.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ovglm.errors import ExportError

if TYPE_CHECKING:
    from ovglm.devices.device import Device
    from ovglm.devices.options import RuntimeOptions
    from ovglm.hub import Hub
    from ovglm.loaded_model import LoadedModel
    from ovglm.recipe import Recipe, WeightFormat

__all__ = ["devices", "export", "load", "pull"]


def devices() -> "tuple[Device, ...]":
    """List the CPUs, GPUs and NPUs that OpenVINO sees here; memory in bytes.

    >>> import ovglm
    >>> "CPU" in [device.id for device in ovglm.devices()]
    True
    """
    from ovglm.devices import list_devices

    return list_devices()


def pull(model: str, *, source: "Hub" = "huggingface", revision: str | None = None) -> Path:
    """Fetch a model of a hub into ovglm's store and give its folder.

    model: a name of `ovglm models`, or a repository `org/name`. revision: a branch, a tag or a
    commit; the newest commit of the main branch unless told. What is there already is not
    fetched again, and what was broken off goes on. Progress goes to stderr or the notebook's cell.
    Raises HubError: no such repository, gated, private, not a GLM, no answer, too little disk.

    >>> ovglm.pull("nano")
    Traceback (most recent call last):
    ovglm.errors.HubError: nano ships inside ovglm: there is nothing to pull
    """
    from ovglm.hub import pull_aloud

    return pull_aloud(model, source=source, revision=revision).folder


def export(
    model: str | Path, output: str | Path | None = None, recipe: "Recipe | None" = None
) -> Path:
    """Convert a checkpoint to OpenVINO IR and give the exported folder.

    model: a name of `ovglm models`, a hub's repository, which is pulled first, or a checkpoint
    folder. output: a new folder; without it the export goes into ovglm's store, and one that is
    there is not made again. recipe: INT4 in groups of 128 unless told; `Recipe(weights="int8")`.
    Raises CheckpointError, RecipeError or ExportError; nothing half-written is taken for whole,
    and a broken-off export goes on when it is called again.

    >>> folder = ovglm.export("nano", recipe=ovglm.Recipe(group_size=64))
    >>> sorted(file.name for file in folder.glob("openvino_model.*"))
    ['openvino_model.bin', 'openvino_model.xml']
    """
    from ovglm.exporters import ensure_exported, export_into
    from ovglm.hub import get_model
    from ovglm.recipe import Recipe

    recipe = recipe or Recipe()
    found = get_model(str(model), recipe if output is None else None)
    if found.is_exported and found.recipe is None:
        raise ExportError(
            f"{found.folder} is an exported folder, not a checkpoint",
            hint=f"ovglm.load({str(model)!r})",
        )
    if output is None:
        return ensure_exported(found, recipe)
    return export_into(found, Path(output).expanduser().absolute(), recipe)


def load(
    model: str | Path,
    device: str = "AUTO",
    *,
    weights: "WeightFormat | None" = None,
    options: "RuntimeOptions | None" = None,
    draft: str | Path | None = None,
    say: Callable[[str], None] | None = None,
) -> "LoadedModel":
    """Load a model onto a device, in this process; export and pull it first where needed.

    model: what `ovglm run` takes: a name, a repository, a checkpoint or exported folder.
    device: `CPU`, `GPU`, `GPU.1`, `NPU`, an ordered list such as `NPU,GPU,CPU`, or `AUTO`.
    weights: the format to export to, where the model is not exported yet; INT4 unless told.
    options: context in tokens, KV cache format, threads and so on. draft: a smaller model that
    guesses ahead. say: hears what was chosen and why, which goes to stderr otherwise.
    Raises OvglmError where nothing is called so, or no device can run it. Close the model, or use
    it in a `with` block: it holds its memory until then.

    >>> with ovglm.load("nano", "CPU", say=lambda text: None) as model:
    ...     print(model.chat("What is the capital of France?"))
    The capital of France is Paris.
    """
    from ovglm.chosen_model import choose
    from ovglm.loaded_model import LoadedModel

    chosen = choose(
        str(model),
        options,
        device=device,
        weights=weights,
        draft=str(draft) if draft else None,
        must_chat=False,
    )
    return LoadedModel(chosen.load(say=say))
