"""Pictures for models that look at them: read within bounds, and made as a tower wants them.

NumPy and Pillow are loaded only when a picture is read.
"""

from ovglm.pictures.counting import pictures_of, prompt_tokens
from ovglm.pictures.data_urls import is_data_url, read_data_url, to_data_url
from ovglm.pictures.files import MOST_BYTES, read_file
from ovglm.pictures.picture import Picture
from ovglm.pictures.reading import MOST_PIXELS, check_picture, normalize, read_picture

__all__ = [
    "MOST_BYTES",
    "MOST_PIXELS",
    "Picture",
    "check_picture",
    "is_data_url",
    "normalize",
    "pictures_of",
    "prompt_tokens",
    "read_data_url",
    "read_file",
    "read_picture",
    "to_data_url",
]
