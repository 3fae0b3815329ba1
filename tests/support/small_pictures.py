"""Small pictures as files and data: URLs, and what a model that takes them says of itself."""

import io
from base64 import b64encode
from dataclasses import replace
from typing import Any

from PIL import Image

from ovglm.vision_facts import VisionFacts

__all__ = ["EACH", "PARTS_TEMPLATE", "SPAN", "data_url", "image_part", "picture_file"]

# As a GLM-Edge-V says it, of byte_tokens' tokenizer: six tokens for each picture.
EACH = VisionFacts(
    tower="siglip", weights="int8", image_size=28, patch_size=14, channels=3, image_hidden_size=8,
    hidden_size=8, vectors=6, resize="fit", resample="bilinear", rescale=1 / 255,
    mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5), begin_id=261, end_id=262, placement="each",
    positions="each", most_pictures=1,
)  # fmt: skip
# As a GLM-4V says it: three tokens stand for the six.
SPAN = replace(EACH, tower="eva2_clip", resize="stretch", placement="span", positions="shared")
# In GLM-Edge-V's manner: texts and pictures stand in lists of parts.
PARTS_TEMPLATE = (
    "{% for m in messages %}<|{{ m.role }}|>\n{% for part in m.content %}"
    "{% if part.type == 'image' %}{{ '<|begin_of_image|>' * 6 }}{% else %}{{ part.text }}"
    "{% endif %}{% endfor %}{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def picture_file(
    kind: str = "PNG", size: tuple[int, int] = (40, 20), color: str = "red", **options: Any
) -> bytes:
    """Write a picture of one colour. kind: as Pillow calls it."""
    file = io.BytesIO()
    Image.new("RGB", size, color).save(file, kind, **options)
    return file.getvalue()


def data_url(data: bytes | None = None, kind: str = "png") -> str:
    """Write a file, by default a red PNG, as a data: URL."""
    data = picture_file() if data is None else data
    return f"data:image/{kind};base64,{b64encode(data).decode()}"


def image_part(url: str | None = None, **more: Any) -> dict[str, Any]:
    """Write the part of a chat's message that is a picture."""
    return {"type": "image_url", "image_url": {"url": data_url() if url is None else url, **more}}
