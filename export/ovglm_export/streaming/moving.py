"""Joins spooled parts by moving their bytes into the final file: the disk never holds both."""

import gc
import hashlib
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import BinaryIO

import openvino as ov

from ovglm.manifest import file_sha256
from ovglm_export.spool import Spool
from ovglm_export.streaming.ranges import read_chunks

__all__ = ["fetch_back", "join_by_moving", "moved_parts"]

_GRAPH, _TABLE, _MOVED = "graph", "join", "moved"
_JOINED = "joined"
# A constant as OpenVINO's serializer writes it: its name, then where its bytes lie in the .bin.
_CONSTANT = re.compile(
    r'(<layer id="\d+" name="([^"]*)" type="Const"[^>]*>\s*<data [^>]*?offset=")(\d+)'
    r'(" size=")(\d+)'
)


@dataclass(frozen=True)
class _Piece:
    """One constant: where it lies in its part's .bin, where in the joined one, and its SHA-256."""

    source: int
    target: int
    size: int
    sha256: str


def join_by_moving(
    make_model: Callable[[], ov.Model], names: list[str], spool: Spool, path: Path
) -> None:
    """Write the joined model as path (.xml) and its .bin, each part's bytes leaving the spool.

    make_model: joins the spooled parts `names`; it is called only where no join has begun yet.
    The bytes are those of `ov.save_model`. Killed at any moment, it goes on part by part.
    """
    if spool.noted(_TABLE) is None:
        _begin(make_model, names, spool)
    for name in names:
        if name not in _moved(spool):
            _move(name, spool)
        (spool.folder / f"{name}.bin").unlink(missing_ok=True)
    shutil.copyfile(_joined(spool, "xml"), path)
    os.replace(_joined(spool, "bin"), path.with_suffix(".bin"))


def moved_parts(spool: Spool) -> set[str]:
    """List the parts that lie undamaged in the joined file; damaged ones count as not made."""
    if spool.noted(_TABLE) is None:
        return set()
    graph = _joined(spool, "xml")
    if not graph.is_file() or file_sha256(graph) != spool.noted(_GRAPH):
        spool.note(_MOVED, [])
        spool.note(_TABLE, None)
        return set()
    table = _table(spool)
    whole = [name for name in _moved(spool) if _is_whole(_joined(spool, "bin"), table[name])]
    if len(whole) < len(_moved(spool)):
        spool.note(_MOVED, whole)
    return set(whole)


def fetch_back(folder: Path, path: Path) -> None:
    """Take a joined .bin back from where join_by_moving put it, into the spool `folder`.

    For an export that was killed after its join and before its end.
    """
    xml, target = folder / f"{_JOINED}.xml", folder / f"{_JOINED}.bin"
    if xml.is_file() and not target.exists() and path.with_suffix(".bin").is_file():
        os.replace(path.with_suffix(".bin"), target)


def _begin(make_model: Callable[[], ov.Model], names: list[str], spool: Spool) -> None:
    """Write the joined graph without its weights, and note where each part's bytes belong."""
    rough = _joined(spool, "new.xml")
    model = make_model()
    model.set_rt_info(ov.get_version(), "OpenVINO Runtime")  # as save_model does
    # The weights go nowhere: the offsets that the graph then holds are made here.
    ov.serialize(model, str(rough), os.devnull)
    del model
    gc.collect()  # the model maps the parts' files, which Windows would not let go
    table, text = _lay_out(rough.read_bytes().decode("utf-8"), names, spool)
    rough.write_bytes(text.encode("utf-8"))
    os.replace(rough, _joined(spool, "xml"))
    spool.note(_GRAPH, file_sha256(_joined(spool, "xml")))
    spool.note(_TABLE, {name: [astuple(piece) for piece in table[name]] for name in names})


def _lay_out(text: str, names: list[str], spool: Spool) -> tuple[dict[str, list[_Piece]], str]:
    """Give every constant of the graph its place, as OpenVINO does: in order, equal ones once."""
    known = {
        found[2]: (name, int(found[3]), int(found[5]))
        for name in names
        for found in _CONSTANT.finditer(_read_graph(spool, name))
    }
    table: dict[str, list[_Piece]] = {name: [] for name in names}
    taken: dict[tuple[int, str], int] = {}
    end = 0

    def place(found: re.Match[str]) -> str:
        nonlocal end
        name, source, size = known[found[2]]
        with (spool.folder / f"{name}.bin").open("rb") as file:
            key = size, _digest(file, source, size)
        if key not in taken:
            taken[key] = end
            end += size
        table[name].append(_Piece(source, taken[key], *key))
        return f"{found[1]}{taken[key]}{found[4]}{size}"

    return table, _CONSTANT.sub(place, text)


def _read_graph(spool: Spool, name: str) -> str:
    """Read a part's graph."""
    return (spool.folder / f"{name}.xml").read_text(encoding="utf-8")


def _move(name: str, spool: Spool) -> None:
    """Copy a part's bytes to their place, and note it."""
    part, joined = spool.folder / f"{name}.bin", _joined(spool, "bin")
    joined.touch()
    with part.open("rb") as source, joined.open("r+b") as target:
        for piece in _table(spool)[name]:
            target.seek(piece.target)
            for chunk in read_chunks(source, piece.source, piece.size):
                target.write(chunk)
        target.flush()
        os.fsync(target.fileno())  # the part's own file goes next
    spool.note(_MOVED, [*_moved(spool), name])


def _is_whole(file: Path, pieces: list[_Piece]) -> bool:
    """Tell whether all pieces lie in a file as they were."""
    if not file.is_file():
        return False
    with file.open("rb") as stream:
        return all(_digest(stream, one.target, one.size) == one.sha256 for one in pieces)


def _digest(file: BinaryIO, start: int, size: int) -> str:
    """Sum a range of a file."""
    digest = hashlib.sha256()
    for chunk in read_chunks(file, start, size):
        digest.update(chunk)
    return digest.hexdigest()


def _table(spool: Spool) -> dict[str, list[_Piece]]:
    """Read the noted table."""
    noted = spool.noted(_TABLE)
    rows = noted if isinstance(noted, dict) else {}
    return {name: [_Piece(*row) for row in pieces] for name, pieces in rows.items()}


def _moved(spool: Spool) -> list[str]:
    """Read the noted names of the parts that were moved."""
    noted = spool.noted(_MOVED)
    return noted if isinstance(noted, list) else []


def _joined(spool: Spool, suffix: str) -> Path:
    """Name a file of the joined model."""
    return spool.folder / f"{_JOINED}.{suffix}"
