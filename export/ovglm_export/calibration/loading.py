"""From the name of a source to samples of token ids; the rest of this package serves this."""

from pathlib import Path

from ovglm.errors import OvglmError
from ovglm_export.calibration.builtin import builtin_samples, read_builtin
from ovglm_export.calibration.documents import Document
from ovglm_export.calibration.files import read_documents
from ovglm_export.calibration.packing import pack
from ovglm_export.calibration.rendering import Renderer

__all__ = ["BUILTIN", "check_calibration", "load_calibration"]

BUILTIN = "builtin"


def load_calibration(
    source: str, folder: Path, samples: int, sample_length: int
) -> tuple[tuple[int, ...], ...]:
    """Give `samples` samples of exactly `sample_length` token ids each; equal calls, equal ids.

    source: `builtin`, or the path of a .txt or .jsonl file. folder: holds tokenizer.json, the chat
    template and config.json, as an export writes them. Every sample begins as the model's prompts
    begin ([gMASK]<sop> of GLM-4). Raises OvglmError for a file that cannot be read as such (it
    names the line), has too little text, or makes ids that the model does not have.
    """
    for name, value in (("number of samples", samples), ("sample length", sample_length)):
        if value < 1:
            raise OvglmError(f"the {name} is {value}; it must be at least 1")
    documents = check_calibration(source)
    renderer = Renderer.load(folder)
    renderer.check_length(sample_length)
    if source == BUILTIN:
        found = builtin_samples(documents, renderer, samples, sample_length)
    else:
        found = pack(documents, renderer, source, samples, sample_length)
    renderer.check_ids(found, source)
    return found


def check_calibration(source: str) -> tuple[Document, ...]:
    """Read a source and refuse all that needs no tokenizer to be refused, before any work."""
    return read_builtin() if source == BUILTIN else read_documents(Path(source))
