"""Why a model that was named cannot be asked."""

from collections.abc import Sequence

from ovglm.errors import OvglmError

__all__ = ["ModelDown", "UnknownModel"]


class UnknownModel(OvglmError):
    """No model is called so."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(
            f"the model {name!r} is not served here", hint=f"the models are {', '.join(known)}"
        )


class ModelDown(OvglmError):
    """The model is there but cannot answer now; the message says why."""

    def __init__(self, name: str, why: str, hint: str | None = None) -> None:
        super().__init__(f"the model {name} cannot answer: {why}", hint)
