"""GLM on Intel hardware. Importing this package loads nothing else."""

import sys

__all__ = ["__version__"]

__version__ = "0.1.0"

# `import openvino` and `import nncf` report usage over the network when this module can be
# imported. None makes that import fail, and both then use their own silent stand-in.
sys.modules["openvino_telemetry"] = None  # pyright: ignore[reportArgumentType]
