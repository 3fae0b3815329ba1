"""The licences that GLM's weights are published under. Names and places only, no legal advice."""

from ovglm.models.entry import Licence

__all__ = ["APACHE", "GLM_4", "GLM_EDGE", "MIT"]

APACHE = Licence("Apache-2.0", "as ovglm itself", "https://www.apache.org/licenses/LICENSE-2.0")
MIT = Licence("MIT", "use, change and pass on", "https://opensource.org/license/mit")
# The model cards say `license: other` and name these.
GLM_4 = Licence(
    "GLM-4",
    "the publisher's own terms, which have conditions for commercial use: read them first",
    "https://huggingface.co/zai-org/glm-4-9b-chat/blob/main/LICENSE",
)
GLM_EDGE = Licence(
    "GLM-Edge",
    "the publisher's own terms, which have conditions for commercial use: read them first",
    "https://huggingface.co/zai-org/glm-edge-1.5b-chat/blob/main/LICENSE",
)
