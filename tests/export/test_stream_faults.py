"""A hub that stumbles, a disk that fills up, a damaged file: the same call goes on."""

import errno
import itertools
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openvino
import pytest

from ovglm.errors import HubError, OvglmError
from ovglm.recipe import Recipe
from ovglm_export.shard import read_header
from ovglm_export.streaming import stream_checkpoint
from ovglm_export.streaming.shelf import Shelf
from refusals import poison
from small_hub import Content, Fault, SmallHub
from streamed import REPO, publish, shards_of, stream


def test_a_cut_connection_is_taken_up_again(
    hub: SmallHub, in_shards: Path, tmp_path: Path, plain_bytes: dict[str, bytes]
) -> None:
    remote, name = publish(hub, in_shards), shards_of(in_shards)[1].name
    hub.fail(f"//{name}?", *[Fault()] * 2, Fault(cut_after=100_000), Fault(cut_after=20_000))
    streamed = stream(remote, tmp_path / "streamed")
    assert streamed == plain_bytes
    # What was on its way is lost with a connection, and no more.
    assert hub.served[name] < (in_shards / name).stat().st_size + 120_000 + 20_000


@pytest.mark.filterwarnings("ignore:overflow encountered")
@pytest.mark.parametrize("shard", range(5))
def test_a_shard_that_comes_wrong_once_comes_again(
    hub: SmallHub, in_shards: Path, tmp_path: Path, plain_bytes: dict[str, bytes], shard: int
) -> None:
    remote, bad = publish(hub, in_shards), shards_of(in_shards)[shard].name
    hub.fail(f"//{bad}?", *[Fault()] * 2, Fault(is_wrong=True))
    assert stream(remote, tmp_path / "output") == plain_bytes


def test_a_file_that_changes_on_the_way_is_refused_and_nothing_made_of_it_stays(
    hub: SmallHub, in_shards: Path, tmp_path: Path, plain_bytes: dict[str, bytes]
) -> None:
    remote, output = publish(hub, in_shards), tmp_path / "output"
    bad = shards_of(in_shards)[2].name
    good = hub.repos[REPO].files[bad]
    change_values(hub, bad, good)
    with pytest.raises(HubError, match=f"other bytes for {bad} of {REPO} than it lists, twice"):
        stream_checkpoint(remote, output, Recipe())
    assert not output.exists()
    space, parts = tmp_path / "output.partial", parts_of(in_shards / bad)
    assert parts
    assert not any(name in parts for name in noted_parts(space))
    assert not any(path.name == bad for path in space.rglob("*"))
    hub.repos[REPO].files[bad] = good
    assert stream(remote, output) == plain_bytes


@pytest.mark.parametrize("is_once", [True, False])
def test_wrong_bytes_that_are_no_numbers_are_not_the_authors_fault(
    hub: SmallHub, in_shards: Path, tmp_path: Path, plain_bytes: dict[str, bytes], is_once: bool
) -> None:
    bad = shards_of(in_shards)[0].name
    before = (in_shards / bad).read_bytes()
    remote, output = publish(hub, in_shards), tmp_path / "output"
    poison(in_shards / bad, "model.embed_tokens.weight", 0x7F80)
    damaged = (in_shards / bad).read_bytes()
    (in_shards / bad).write_bytes(before)
    good = hub.repos[REPO].files[bad]
    hub.repos[REPO].files[bad] = Passing(damaged, good) if is_once else Content(damaged, good.size)
    if is_once:
        assert stream(remote, output) == plain_bytes
        return
    with pytest.raises(HubError, match=f"other bytes for {bad}"):
        stream_checkpoint(remote, output, Recipe())
    hub.repos[REPO].files[bad] = good
    assert stream(remote, output) == plain_bytes


class Passing(Content):
    """Is damaged until it was read to its end."""

    def __init__(self, damaged: bytes, good: Content) -> None:
        super().__init__(damaged, good.size)
        self._good, self._is_mended = good, False

    def read(self, start: int, count: int) -> bytes:
        """Give the bytes from `start`."""
        if self._is_mended:
            return self._good.read(start, count)
        self._is_mended = start + count >= self.size
        return super().read(start, count)


def test_a_file_of_another_size_is_noticed(
    hub: SmallHub, in_shards: Path, tmp_path: Path, plain_bytes: dict[str, bytes]
) -> None:
    remote, output = publish(hub, in_shards), tmp_path / "output"
    files, bad = hub.repos[REPO].files, shards_of(in_shards)[2].name
    good = files[bad]
    files[bad] = Content(good.read(0, good.size) + b"more", good.size + 4)
    with pytest.raises(HubError, match=f"the file has {good.size + 4} bytes, and {good.size} are"):
        stream_checkpoint(remote, output, Recipe())
    assert not output.exists()
    files[bad] = good
    assert stream(remote, output) == plain_bytes


def test_a_hub_without_byte_ranges_is_refused(
    hub: SmallHub, in_shards: Path, tmp_path: Path
) -> None:
    remote = publish(hub, in_shards)
    hub.fail("Signature", *[Fault(ignores_range=True)] * 500)
    with pytest.raises(HubError, match="ignores byte ranges") as caught:
        stream_checkpoint(remote, tmp_path / "output", Recipe())
    assert caught.value.hint and f"ovglm pull {REPO}" in caught.value.hint
    assert not (tmp_path / "output").exists()


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=500),
        Fault(status=503, headers={"Retry-After": "3"}),
        Fault(status=416),
        Fault(is_short=True),
        Fault(ignores_range=True),
        Fault(shift=64),
    ],
)
def test_a_stumble_costs_nothing(
    hub: SmallHub, in_shards: Path, tmp_path: Path, plain_bytes: dict[str, bytes], fault: Fault
) -> None:
    remote = publish(hub, in_shards)
    for file in shards_of(in_shards)[1:3]:
        hub.fail(f"//{file.name}?", *[Fault()] * 2, fault, Fault(), fault)
    assert stream(remote, tmp_path / "streamed") == plain_bytes


def change_values(hub: SmallHub, name: str, good: Content) -> None:
    """Put other values behind a shard's own header."""
    data = bytearray(good.read(0, good.size))
    header = 8 + int.from_bytes(data[:8], "little")
    data[header:] = bytes(one ^ 1 for one in data[header:])
    hub.repos[REPO].files[name] = Content(bytes(data), len(data))


def parts_of(shard: Path) -> set[str]:
    """List the parts of the model that a shard has tensors of."""
    names = [name.removeprefix("model.layers.") for name in read_header(shard)]
    return {f"layer_{int(name[0]):03d}" for name in names if name[0].isdigit()}


def noted_parts(space: Path) -> list[str]:
    """List the parts that an unfinished export takes for made."""
    journal = json.loads((space / "spool" / "spool.json").read_text(encoding="utf-8"))
    return list(journal["parts"])


@pytest.mark.parametrize(
    ("owner", "name", "count"),
    [(Shelf, "_take", 3), (openvino, "save_model", 4), (os, "fsync", 1)],
    ids=["fetch", "spool", "join"],
)
def test_a_full_disk_is_said_and_what_was_made_is_kept(
    hub: SmallHub,
    in_shards: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    owner: object,
    name: str,
    count: int,
    plain_bytes: dict[str, bytes],
) -> None:
    remote, output = publish(hub, in_shards), tmp_path / "output"
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, full_after(count, getattr(owner, name)))
        with pytest.raises(OvglmError, match="filled up") as caught:
            stream_checkpoint(remote, output, Recipe())
    assert caught.value.hint and "goes on" in caught.value.hint
    assert not output.exists()
    streamed = stream(remote, output)
    assert streamed == plain_bytes


def full_after(count: int, function: Callable[..., Any]) -> Callable[..., Any]:
    """Let a function find a full disk after so many calls."""
    calls = itertools.count(1)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if next(calls) > count:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return function(*args, **kwargs)

    return wrapped
