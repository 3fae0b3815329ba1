"""What every device's policy answers; choosing and placing know devices only through it."""

from collections.abc import Mapping
from typing import Literal, Protocol

from ovglm.devices.device import Device, Kind
from ovglm.devices.facts import ModelFacts
from ovglm.devices.fit import Footprint
from ovglm.devices.options import RuntimeOptions
from ovglm.devices.window import Window

__all__ = ["EngineKind", "Policy", "PropertyValue"]

EngineKind = Literal["paged", "static", "vision"]
PropertyValue = str | int


class Policy(Protocol):
    """The rules of one kind of device."""

    @property
    def kind(self) -> Kind:
        """The kind of device that these rules are for."""
        ...

    @property
    def keeps_compiled(self) -> bool:
        """Whether a compiled model on disk makes the next load faster."""
        ...

    def accepts(self, facts: ModelFacts, device: Device) -> str:
        """Say why the device cannot run a model, or return an empty text."""
        ...

    def check(self, device: Device, options: RuntimeOptions) -> None:
        """Raise OvglmError for an option that the device cannot honour, by the option's name."""
        ...

    def engine(self, options: RuntimeOptions) -> EngineKind:
        """Name the engine that these options ask for."""
        ...

    def footprint(self, facts: ModelFacts, device: Device, options: RuntimeOptions) -> Footprint:
        """Give the memory that the model takes on the device, whatever the context."""
        ...

    def window(self, facts: ModelFacts, options: RuntimeOptions, most_tokens: int | None) -> Window:
        """Divide the context between prompt and answer.

        most_tokens: those that the memory has room for; None where nothing tells.
        """
        ...

    def properties(
        self, facts: ModelFacts, device: Device, options: RuntimeOptions
    ) -> Mapping[str, PropertyValue]:
        """Give what the pipeline's constructor is told, beside the user's own properties."""
        ...

    def notes(self, facts: ModelFacts, device: Device, options: RuntimeOptions) -> tuple[str, ...]:
        """Say what a user should know of this model on this device."""
        ...
