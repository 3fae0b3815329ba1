"""`glm4`: GLM-4-9B-0414, GLM-4-32B-0414 and GLM-Z1: `glm` with two extra norms a layer."""

from ovglm_export.architecture import Architecture
from ovglm_export.config_reader import refuse_unsupported
from ovglm_export.families.base import Config, Family
from ovglm_export.families.glm import own_places, read_architecture

__all__ = ["FAMILY"]


def _read_config(config: Config) -> Architecture:
    """Read a `glm4` config."""
    refuse_unsupported(config, {})
    return read_architecture(config, "glm4", extra_norms=True)


FAMILY = Family(_read_config, own_places)
