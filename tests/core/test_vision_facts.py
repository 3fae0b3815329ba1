"""Which models that take pictures are pulled from a hub."""

import pytest

from ovglm.errors import HubError
from ovglm.hub.door import Listing
from ovglm.hub.selecting import check_config

LISTING = Listing("org/glm", "0" * 40, ())
VISION = {"vision_config": {"image_size": 672}}


@pytest.mark.parametrize("kind", ["glm", "chatglm"])
def test_a_hub_s_model_with_a_tower_can_be_pulled(kind: str) -> None:
    check_config(LISTING, {"model_type": kind, **VISION})


def test_a_tower_that_the_exporter_does_not_know_is_not_pulled() -> None:
    with pytest.raises(HubError, match="has a vision_config"):
        check_config(LISTING, {"model_type": "glm4", **VISION})
    with pytest.raises(HubError, match="has a quantization_config"):
        check_config(LISTING, {"model_type": "glm", "quantization_config": {"bits": 4}})
