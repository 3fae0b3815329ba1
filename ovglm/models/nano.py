"""The miniature GLM that ships with the package."""

from ovglm.models.entry import Entry

__all__ = ["NANO"]

NANO = (Entry("nano", "glm", "a very small trained GLM that ships with ovglm"),)
