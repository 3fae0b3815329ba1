"""A streamed export that is killed goes on where it stopped; damage meanwhile is noticed."""

import itertools
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from killed_exports import KILLED, Export, Kill, contents
from ovglm.errors import CheckpointError
from ovglm.hub import RemoteModel
from ovglm.recipe import Recipe
from ovglm_export import pipeline
from ovglm_export.native import part_names
from ovglm_export.streaming import checksum, moving, stream_checkpoint
from ovglm_export.streaming.parts import Part
from ovglm_export.streaming.shelf import Shelf
from refusals import edit
from small_hub import Fault, SmallHub
from streamed import REPO, publish, pulled_export, shards_of, stream, write_shards

STREAMING = "ovglm_export.streaming"
# Reading all headers again costs less than this in each run.
HEADERS = 5_000
# What a layer takes of the checkpoint, and what waits for the rest of another one.
LAYER = 400_000
# For every part: killed in its download, when it is complete, and when it was used and deleted.
AT_EACH_PART: list[Kill] = [
    (f"{STREAMING}.shelf:Shelf._take", "after", 1),
    (f"{STREAMING}.shelf:Shelf.fetch_on", "after", 1),
    (f"{STREAMING}.shelf:Shelf.put_away", "after", 1),
]
BEFORE: list[Kill] = [
    (f"{STREAMING}.remote:fetch", "after", 2),
    (f"{STREAMING}.remote:parse_header", "after", 3),
    (f"{STREAMING}.export:check_disk", "after", 1),
    ("ovglm_export.pipeline:write_config", "after", 1),
]
AFTER: list[Kill] = [
    ("ovglm_export.pipeline:make_golden", "after", 1),
    (f"{STREAMING}.moving:_lay_out", "after", 1),
    (f"{STREAMING}.moving:_begin", "after", 1),
    (f"{STREAMING}.moving:os.fsync", "before", 1),
    (f"{STREAMING}.moving:_move", "after", 1),
    (f"{STREAMING}.moving:_move", "after", 2),
    (f"{STREAMING}.moving:shutil.copyfile", "before", 1),
    (f"{STREAMING}.weights:join_by_moving", "after", 1),
    ("ovglm_export.pipeline:count_matrices", "after", 1),
    ("ovglm_export.pipeline:write_manifest", "torn", 1),
    ("ovglm_export.pipeline:write_manifest", "after", 1),
]


@pytest.mark.slow
def test_a_stream_that_is_killed_everywhere_ends_with_the_same_bytes(
    hub: SmallHub, in_shards: Path, tmp_path: Path, export: Export, plain_bytes: dict[str, bytes]
) -> None:
    publish(hub, in_shards)
    output, shards = tmp_path / "output", shards_of(in_shards)
    env = {"HF_ENDPOINT": hub.address}
    kills, parts = BEFORE + AT_EACH_PART * 5 + AFTER, []
    for kill in kills:
        code, begun = export(REPO, output, kill, recipe=Recipe(), env=env)
        assert (kill, code) == (kill, KILLED)
        assert not output.exists()
        parts += begun
    assert export(REPO, output, recipe=Recipe(), env=env) == (0, [])
    assert sorted(parts) == sorted(part_names(3))
    total = sum(file.stat().st_size for file in shards)
    fetching = 2 * 5  # the kills that cost what was fetched last
    assert hub.served.total() < total + fetching * LAYER + HEADERS * len(kills) * len(shards)
    assert contents(output) == plain_bytes
    assert sorted(path.name for path in tmp_path.iterdir()) == ["output", "source"]


@pytest.mark.slow
def test_a_kill_within_a_step_costs_no_more_than_the_step(
    hub: SmallHub, in_shards: Path, tmp_path: Path, export: Export, plain_bytes: dict[str, bytes]
) -> None:
    publish(hub, in_shards)
    output = tmp_path / "output"
    env = {"HF_ENDPOINT": hub.address}
    kills: list[Kill] = [
        ("ovglm_export.spool:ov.save_model", "torn", 3),
        (f"{STREAMING}.making:spool_part", "after", 1),
        (f"{STREAMING}.shelf:Checksum.hexdigest", "after", 1),
        (f"{STREAMING}.notes:Notes.write", "after", 2),
        (f"{STREAMING}.shelf:sum_start", "before", 1),
        (f"{STREAMING}.making:spool_part", "after", 2),
        ("ovglm_export.parts:compressed_node", "after", 3),
    ]
    for kill in kills:
        assert export(REPO, output, kill, recipe=Recipe(), env=env)[0] == KILLED
    assert export(REPO, output, recipe=Recipe(), env=env)[0] == 0
    total = sum(file.stat().st_size for file in shards_of(in_shards))
    assert hub.served.total() < total + (LAYER + 5 * HEADERS) * len(kills)
    assert contents(output) == plain_bytes


def interrupt(
    monkeypatch: pytest.MonkeyPatch, owner: object, name: str, remote: RemoteModel, output: Path
) -> Path:
    """Stop an export as Ctrl-C does where it would call a function; return its workspace."""

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, stop)
        with pytest.raises(KeyboardInterrupt):
            stream_checkpoint(remote, output, Recipe())
    return output.with_name(output.name + ".partial")


def flip(file: Path) -> None:
    """Change one bit in the middle of a file."""
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def flip_part(space: Path) -> None:
    flip(space / "spool" / "layer_001.bin")


def flip_joined(space: Path) -> None:
    flip(space / "spool" / "joined.bin")


def remove_joined(space: Path) -> None:
    (space / "spool" / "joined.bin").unlink()


def flip_graph(space: Path) -> None:
    flip(space / "spool" / "joined.xml")


def cut_journal(space: Path) -> None:
    os.truncate(space / "spool" / "spool.json", 100)


@pytest.mark.parametrize(
    ("owner", "name", "damage"),
    [
        (pipeline, "make_golden", flip_part),
        (moving.shutil, "copyfile", flip_joined),
        (moving.shutil, "copyfile", remove_joined),
        (moving.shutil, "copyfile", flip_graph),
        (moving.shutil, "copyfile", cut_journal),
    ],
)
def test_what_was_damaged_meanwhile_is_made_again(
    hub: SmallHub,
    in_shards: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    owner: object,
    name: str,
    damage: Callable[[Path], None],
    plain_bytes: dict[str, bytes],
) -> None:
    remote, output = publish(hub, in_shards), tmp_path / "output"
    damage(interrupt(monkeypatch, owner, name, remote, output))
    assert stream(remote, output) == plain_bytes


def interrupt_fetch(
    monkeypatch: pytest.MonkeyPatch, remote: RemoteModel, output: Path, count: int
) -> Path:
    """Stop an export as Ctrl-C does before its count-th fetch; return the folder of its runs."""
    calls, fetch = itertools.count(1), Shelf.fetch_on

    def fetch_on(self: Shelf, left: Sequence[Part]) -> None:
        if next(calls) == count:
            raise KeyboardInterrupt
        fetch(self, left)

    with monkeypatch.context() as patch:
        patch.setattr(Shelf, "fetch_on", fetch_on)
        with pytest.raises(KeyboardInterrupt):
            stream_checkpoint(remote, output, Recipe())
    return output.with_name(output.name + ".partial") / "source" / "held"


def cut(file: Path) -> None:
    """Lose the end of a file."""
    os.truncate(file, file.stat().st_size - 1)


@pytest.mark.parametrize("damage", [flip, cut, Path.unlink])
def test_a_damaged_run_is_fetched_again(
    hub: SmallHub,
    in_shards: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    damage: Callable[[Path], None],
    plain_bytes: dict[str, bytes],
) -> None:
    remote, output = publish(hub, in_shards), tmp_path / "output"
    held = interrupt_fetch(monkeypatch, remote, output, 3)
    files = list(held.glob("*/*"))
    assert files
    damage(files[0])
    assert stream(remote, output) == plain_bytes


def test_where_no_sum_can_be_kept_the_shard_under_way_comes_again(
    hub: SmallHub,
    in_shards: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    plain_bytes: dict[str, bytes],
) -> None:
    monkeypatch.setattr(checksum, "_find_library", lambda: None)
    remote, output = publish(hub, in_shards), tmp_path / "output"
    for count in (2, 3, 4):
        interrupt_fetch(monkeypatch, remote, output, count)
    assert stream(remote, output) == plain_bytes


def test_what_came_wrong_before_a_stop_is_found_after_it(
    hub: SmallHub,
    in_shards: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    plain_bytes: dict[str, bytes],
) -> None:
    remote, output = publish(hub, in_shards), tmp_path / "output"
    first = shards_of(in_shards)[0].name
    hub.fail(f"//{first}?", *[Fault()] * 2, Fault(is_wrong=True))
    interrupt_fetch(monkeypatch, remote, output, 2)
    spooled = [path.name for path in (tmp_path / "output.partial" / "spool").glob("*.bin")]
    assert spooled == ["embedding.bin"]  # made of wrong bytes
    assert stream(remote, output) == plain_bytes


def test_a_model_that_is_refused_costs_no_work_on_another_one(
    hub: SmallHub,
    in_shards: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    plain_bytes: dict[str, bytes],
) -> None:
    remote, output = publish(hub, in_shards), tmp_path / "output"
    interrupt(monkeypatch, pipeline, "make_golden", remote, output)
    good = hub.repos[REPO]
    edit(in_shards / "config.json", intermediate_size=512)
    with pytest.raises(CheckpointError, match="asks for"):
        stream_checkpoint(publish(hub, in_shards), output, Recipe())
    hub.repos[REPO] = good
    before = hub.served.copy()
    assert stream(remote, output) == plain_bytes
    assert all(hub.served[one.name] - before[one.name] < HEADERS for one in shards_of(in_shards))


def test_another_commit_starts_afresh(
    hub: SmallHub, in_shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "output"
    space = interrupt(monkeypatch, pipeline, "make_golden", publish(hub, in_shards), output)
    assert (space / "spool" / "head.bin").is_file()
    # The same sizes, other weights.
    newer = write_shards(tmp_path / "newer", seed=1)
    remote = publish(hub, newer)
    plain = pulled_export(newer, remote, tmp_path / "plain", Recipe())
    assert stream(remote, output) == contents(plain)
