"""GLM on Intel hardware. Importing this package loads nothing else.

The Python API is `ovglm.pull`, `ovglm.export`, `ovglm.load` and `ovglm.devices`, with `Message`,
`Sampling`, `Recipe` and `RuntimeOptions` to tell them what is wanted; each is loaded when it is
first used.
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ovglm.api import devices, export, load, pull
    from ovglm.devices.options import RuntimeOptions
    from ovglm.errors import OvglmError
    from ovglm.loaded_model import Generated, LoadedModel
    from ovglm.messages import Message, Sampling
    from ovglm.recipe import Recipe

__all__ = [
    "Generated",
    "LoadedModel",
    "Message",
    "OvglmError",
    "Recipe",
    "RuntimeOptions",
    "Sampling",
    "__version__",
    "devices",
    "export",
    "load",
    "pull",
]

__version__ = "0.1.0"

# `import openvino` and `import nncf` report usage over the network when this module can be
# imported. None makes that import fail, and both then use their own silent stand-in.
sys.modules["openvino_telemetry"] = None  # pyright: ignore[reportArgumentType]

# `devices` is the package of that name, which can be called.
_PLACES = {
    "Generated": "ovglm.loaded_model",
    "LoadedModel": "ovglm.loaded_model",
    "Message": "ovglm.messages",
    "OvglmError": "ovglm.errors",
    "Recipe": "ovglm.recipe",
    "RuntimeOptions": "ovglm.devices.options",
    "Sampling": "ovglm.messages",
    "export": "ovglm.api",
    "load": "ovglm.api",
    "pull": "ovglm.api",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for at its first use."""
    if name == "devices":
        return import_module("ovglm.devices")
    if name in _PLACES:
        return getattr(import_module(_PLACES[name]), name)
    raise AttributeError(f"module 'ovglm' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
