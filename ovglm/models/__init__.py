"""The catalogue: GLM models with a short name. One file per family, data only."""

from ovglm.models.chatglm import CHATGLM
from ovglm.models.entry import Entry, Licence, Shape
from ovglm.models.glm import GLM
from ovglm.models.glm4 import GLM4
from ovglm.models.lookup import find_by_name, nearest, refuse_unknown
from ovglm.models.nano import NANO

__all__ = ["CATALOGUE", "Entry", "Licence", "Shape", "find_entry", "nearest", "refuse_unknown"]

CATALOGUE: dict[str, Entry] = {entry.name: entry for entry in (*NANO, *GLM, *CHATGLM, *GLM4)}


def find_entry(text: str) -> Entry | None:
    """Find a model by its short name, or by its repository's on any hub: `THUDM/glm-4-9b`."""
    return find_by_name(CATALOGUE.values(), text)
