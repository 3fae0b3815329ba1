"""A hub that stumbles, a disk that fills up, a damaged file: the same call goes on."""

import errno
import itertools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openvino
import pytest

from ovglm.errors import HubError, OvglmError
from ovglm.hub.partial import PartialFile
from ovglm.recipe import Recipe
from ovglm_export.streaming import stream_checkpoint
from small_hub import Fault, SmallHub
from streamed import publish, shards_of, stream


def test_a_cut_connection_is_taken_up_again(
    hub: SmallHub, in_shards: Path, tmp_path: Path, plain_bytes: dict[str, bytes]
) -> None:
    remote, name = publish(hub, in_shards), shards_of(in_shards)[1].name
    hub.fail(f"//{name}?", *[Fault()] * 2, Fault(cut_after=100_000), Fault(cut_after=20_000))
    streamed = stream(remote, tmp_path / "streamed")
    assert streamed == plain_bytes
    # What was on its way is lost with a connection, and no more.
    assert hub.served[name] < (in_shards / name).stat().st_size + 120_000 + 20_000


def test_wrong_bytes_are_refused_and_what_was_made_is_kept(
    hub: SmallHub, in_shards: Path, tmp_path: Path, plain_bytes: dict[str, bytes]
) -> None:
    remote, output, bad = publish(hub, in_shards), tmp_path / "output", shards_of(in_shards)[2].name
    hub.fail(f"//{bad}?", *[Fault()] * 2, *[Fault(is_wrong=True)] * 2)
    with pytest.raises(HubError, match=f"other bytes for {bad}"):
        stream_checkpoint(remote, output, Recipe())
    assert not output.exists()
    before = hub.served.copy()
    streamed = stream(remote, output)
    earlier = shards_of(in_shards)[:2]
    assert all(hub.served[file.name] - before[file.name] < 20_000 for file in earlier)
    assert streamed == plain_bytes


@pytest.mark.parametrize(
    ("owner", "name", "count"),
    [(PartialFile, "note", 6), (openvino, "save_model", 4), (os, "fsync", 1)],
    ids=["fetch", "spool", "rest"],
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
