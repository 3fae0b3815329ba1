"""The sampling that a checkpoint recommends in its generation_config.json."""

import json
from pathlib import Path

from ovglm.errors import FolderError
from ovglm.messages import Sampling

__all__ = ["FILE_NAME", "recommended_sampling"]

FILE_NAME = "generation_config.json"
ALWAYS = ("max_new_tokens", "repetition_penalty")
WHEN_SAMPLING = ("temperature", "top_p", "top_k", "min_p")


def recommended_sampling(folder: Path) -> Sampling:
    """Read the sampling of an exported folder; greedy unless the file says `do_sample`."""
    path = folder / FILE_NAME
    if not path.is_file():
        return Sampling()
    try:
        written = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise FolderError(f"{path} is not valid JSON: {error}.") from error
    if not isinstance(written, dict):
        raise FolderError(f"{path} is not a JSON object.")
    names = (*ALWAYS, *WHEN_SAMPLING) if written.get("do_sample") else ALWAYS
    values = {name: written[name] for name in names if written.get(name) is not None}
    if written.get("do_sample"):
        values.setdefault("temperature", 1.0)
    return Sampling(**values)
