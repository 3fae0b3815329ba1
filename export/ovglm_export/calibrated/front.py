"""The hidden states in front of the next layer: on disk, summed, and found again after a kill."""

from __future__ import annotations

from pathlib import Path

from ovglm.manifest import file_sha256
from ovglm_export.hidden import HiddenStates
from ovglm_export.spool import Spool

__all__ = ["Front"]

_NOTE = "states"
_ENDING = ".states"


class Front:
    """One file of states for each stream, in front of one layer.

    lengths and width: of the states. streams: their names; the first is the compressed model's.
    """

    def __init__(
        self, spool: Spool, streams: tuple[str, ...], lengths: tuple[int, ...], width: int
    ) -> None:
        self._spool = spool
        self._streams = streams
        self._lengths = lengths
        self._width = width

    def found_layer(self) -> int | None:
        """Return the layer that whole files lie in front of, or None; others are removed."""
        note = self._spool.noted(_NOTE)
        layer, sums = note if isinstance(note, list) else (None, {})
        whole = layer is not None and all(
            (self._spool.folder / name).is_file()
            and file_sha256(self._spool.folder / name) == digest
            for name, digest in sums.items()
        )
        self._remove_but(set(sums) if whole else set())
        return layer if whole else None

    def states(self, layer: int) -> dict[str, HiddenStates]:
        """Name the states in front of a layer, by stream."""
        return {
            stream: HiddenStates(self._path(stream, layer), self._lengths, self._width)
            for stream in self._streams
        }

    def note(self, layer: int) -> None:
        """Note that the states in front of a layer are whole; those in front of others go."""
        files = [self._path(stream, layer) for stream in self._streams]
        sums = {file.name: file_sha256(file) for file in files}
        self._spool.note(_NOTE, [layer, sums])
        self._remove_but(set(sums))

    def remove(self) -> None:
        """Remove all states: no layer needs them any more."""
        self._remove_but(set())

    def _path(self, stream: str, layer: int) -> Path:
        return self._spool.folder / f"{stream}_{layer:03d}{_ENDING}"

    def _remove_but(self, names: set[str]) -> None:
        for file in self._spool.folder.glob(f"*{_ENDING}"):
            if file.name not in names:
                file.unlink()
