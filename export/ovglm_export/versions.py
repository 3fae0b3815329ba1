"""The versions of the libraries that decide the bytes of an export."""

from importlib import metadata

from ovglm.recipe import Recipe

__all__ = ["library_version", "library_versions"]

_LIBRARIES = ("ovglm", "openvino", "openvino-tokenizers", "nncf", "transformers")
# Their sums and factors decide what calibration finds.
_CALIBRATING = ("numpy", "scipy")


def library_versions(recipe: Recipe) -> dict[str, str]:
    """Return the version of each library that takes part."""
    names = (*_LIBRARIES, *(_CALIBRATING if recipe.is_calibrated else ()))
    return {name: library_version(name) for name in names}


def library_version(name: str) -> str:
    """Return the installed version of one library."""
    return metadata.version(name)
