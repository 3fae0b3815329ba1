"""What turns token ids into more token ids; `ovglm.engine.load` makes one. Knows no template.

Importing this package is cheap: only the modules that load a model import OpenVINO.
"""

from ovglm.engine.base import Answer, Counters, Engine, EngineInfo

__all__ = ["Answer", "Counters", "Engine", "EngineInfo"]
