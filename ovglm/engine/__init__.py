"""What turns token ids into more token ids. Knows no text, no template and no model family."""

from ovglm.engine.base import Engine
from ovglm.engine.paged import load_paged_engine

__all__ = ["Engine", "load_paged_engine"]
