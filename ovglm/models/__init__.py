"""The catalogue: GLM models with a short name. One file per family, data only."""

from ovglm.models.chatglm import CHATGLM
from ovglm.models.entry import Entry
from ovglm.models.glm import GLM
from ovglm.models.glm4 import GLM4
from ovglm.models.nano import NANO

__all__ = ["CATALOGUE", "Entry"]

CATALOGUE: dict[str, Entry] = {entry.name: entry for entry in (*NANO, *GLM, *CHATGLM, *GLM4)}
