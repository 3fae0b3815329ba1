"""What the catalogue says of one model."""

from dataclasses import dataclass

__all__ = ["Entry"]


@dataclass(frozen=True)
class Entry:
    """One model of the catalogue.

    `model_type` is that of its config.json. No repository: the weights ship with ovglm.
    """

    name: str
    model_type: str
    summary: str
    repository: str | None = None
