"""Which checkpoint an exported folder is held against, and whether it is the right one."""

from collections.abc import Iterator
from pathlib import Path

from ovglm.errors import CheckpointError, FolderError, OvglmError
from ovglm.manifest import FILE_NAME, FileSum, Manifest, file_sha256, read_manifest
from ovglm.progress import Progress
from ovglm.store import find_model
from ovglm.stored_sources import find_sources
from ovglm.tokens import Tokenizer
from ovglm_export.calibration.rendering import Renderer
from ovglm_export.checkpoint import Checkpoint, open_checkpoint
from ovglm_export.tokenizer import read_tokenizer
from ovglm_export.verify.samples import TEXTS

__all__ = ["find_checkpoint"]

_TOKENIZER = ("tokenizer.json", "tokenizer.model")


def find_checkpoint(folder: Path, against: Path | None, progress: Progress) -> Checkpoint:
    """Open the checkpoint that an export is held against.

    against: its folder. Without it the checkpoint is looked for by the manifest's source: in the
    store, among the models that ship, here, and beside the export. Raises OvglmError where it is
    not found, or where it is not the one that the folder was made from.
    """
    if not (folder / FILE_NAME).is_file():
        if against is None:
            raise FolderError(
                f"{folder} has no {FILE_NAME}, so nothing tells which checkpoint it was made from",
                f"ovglm verify {folder} --against CHECKPOINT",
            )
        return _open_foreign(folder, against)
    manifest = read_manifest(folder)
    if against is not None:
        checkpoint = open_checkpoint(against)
        _check_source(checkpoint.folder, manifest, progress)
        return checkpoint
    for place in _places(folder, manifest):
        if all(_has_size(place / name, one.size) for name, one in _needed(manifest).items()):
            _check_source(place, manifest, progress)
            return open_checkpoint(place)
    raise CheckpointError(
        f"the checkpoint of {folder}, {manifest.source.name}, is not found on this machine",
        f"ovglm verify {folder} --against CHECKPOINT",
    )


def _places(folder: Path, manifest: Manifest) -> Iterator[Path]:
    """List the folders where an export's checkpoint may be."""
    source = manifest.source
    if source.repo and source.revision:
        for found in find_sources(f"{source.repo}@{source.revision}"):
            yield found.folder
    try:
        yield find_model(source.name).folder
    except OvglmError:
        pass  # no model is called so; the next place may have it
    yield folder.absolute().parent / source.name


def _needed(manifest: Manifest) -> dict[str, FileSum]:
    """List the source's files that an export is made from; README or template may be edited."""
    kinds = (".safetensors", ".safetensors.index.json")
    names = ("config.json", *_TOKENIZER)
    files = manifest.source.files.items()
    return {name: one for name, one in files if name in names or name.endswith(kinds)}


def _has_size(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size


def _check_source(place: Path, manifest: Manifest, progress: Progress) -> None:
    """Hold a checkpoint's files against the manifest's checksums."""
    needed = _needed(manifest)
    progress.stage("checksums", len(needed))
    for name, wanted in needed.items():
        path = place / name
        if not _has_size(path, wanted.size) or file_sha256(path) != wanted.sha256:
            what = "its tokenizer" if name in _TOKENIZER else "it"
            raise CheckpointError(
                f"{place} is not the checkpoint of this export: {what} differs in {name}",
                "give the checkpoint that was exported, or export this one",
            )
        progress.advance()


def _open_foreign(folder: Path, against: Path) -> Checkpoint:
    """Open a checkpoint for a folder of another tool, of which only sizes and words can be told."""
    checkpoint = open_checkpoint(against)
    renderer = Renderer.load(folder)
    arch = checkpoint.architecture
    told = {
        "hidden_size": arch.hidden_size,
        "num_hidden_layers": arch.layers,
        "vocab_size": arch.vocab_size,
    }
    for name, wanted in told.items():
        if renderer.config.get(name, wanted) != wanted:
            raise CheckpointError(
                f"{folder} is of another model than {against}: its {name} is "
                f"{renderer.config[name]}, not {wanted}",
                f"ovglm verify {folder} --against CHECKPOINT",
            )
    _check_words(renderer.tokenizer, Tokenizer(read_tokenizer(against)[1]), folder, against)
    return checkpoint


def _check_words(ours: Tokenizer, theirs: Tokenizer, folder: Path, against: Path) -> None:
    """Compare the ids of all fixed texts."""
    for document in TEXTS:
        for text in (document.text, *(message.content for message in document.messages)):
            if ours.encode(text, allow_special=False) != theirs.encode(text, allow_special=False):
                raise CheckpointError(
                    f"the tokenizer of {folder} is not that of {against}: they write the same "
                    "text with other token ids",
                    f"ovglm verify {folder} --against CHECKPOINT",
                )
