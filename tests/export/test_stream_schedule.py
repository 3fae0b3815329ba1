"""The order of shards and parts: each shard comes once, however the tensors are dealt out."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from ovglm_export.shard import TensorInfo, tensor_bytes
from ovglm_export.streaming.parts import Part, needed_tensors
from ovglm_export.streaming.runs import Run, find_runs
from ovglm_export.streaming.schedule import most_bytes, next_shard, next_stop, ready_part

MIB = 1 << 20
HEADER = 100
Layout = list[list[str]]
LAYOUTS = st.lists(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=4), min_size=1)


def deal(
    layout: Sequence[Sequence[str]], sizes: Mapping[int, int] = {}
) -> tuple[list[Part], dict[str, TensorInfo]]:
    """Make parts of 1 MiB tensors, each given by its shard; sizes: of other parts' tensors, MiB.

    A shard holds its tensors in the order in which they are given.
    """
    made, tensors, ends = [], {}, dict[str, int]()
    for number, shards in enumerate(layout):
        names = [f"part_{number}.{at}" for at in range(len(shards))]
        size = sizes.get(number, 1) * MIB
        for name, shard in zip(names, shards, strict=True):
            start = ends.get(shard, HEADER)
            tensors[name] = TensorInfo(Path(shard), "BF16", (size // 2,), start)
            ends[shard] = start + size
        made.append(Part(f"part_{number}", frozenset(names), len(shards) * size // 4))
    return made, tensors


def cut(parts: Sequence[Part], tensors: Mapping[str, TensorInfo]) -> dict[str, tuple[Run, ...]]:
    """Cut the shards into runs."""
    sizes: dict[str, int] = {}
    for info in tensors.values():
        end = info.offset + tensor_bytes(info)
        sizes[info.file.name] = max(sizes.get(info.file.name, 0), end)
    return find_runs(parts, tensors, sizes)


def run(
    parts: Sequence[Part], tensors: dict[str, TensorInfo]
) -> tuple[list[str], list[str], list[int]]:
    """Follow the schedule; return the shards and the parts in order, and what each shard left."""
    left, here = list(parts), set[str]()
    shards: list[str] = []
    made: list[str] = []
    kept: list[int] = []
    while left:
        shard = next_shard(left, here, tensors)
        shards.append(shard)
        here |= {name for name, info in tensors.items() if info.file.name == shard}
        while part := ready_part(left, here):
            left.remove(part)
            made.append(part.name)
        here &= needed_tensors(left)
        kept.append(len(here))
    return shards, made, kept


@given(LAYOUTS)
def test_each_shard_comes_once_and_each_part_is_made_once(layout: Layout) -> None:
    parts, tensors = deal(layout)
    shards, made, _ = run(parts, tensors)
    assert sorted(shards) == sorted({shard for part in layout for shard in part})
    assert sorted(made) == sorted(part.name for part in parts)


@given(LAYOUTS)
def test_runs_fill_their_shard_and_hold_each_tensor_once(layout: Layout) -> None:
    parts, tensors = deal(layout)
    owner = {name: part.name for part in parts for name in part.tensors}
    names: list[str] = []
    for shard, runs in cut(parts, tensors).items():
        assert [one.shard for one in runs] == [shard] * len(runs)
        assert [one.start for one in runs] == [0, *(one.stop for one in runs[:-1])]
        for one in runs:
            assert len({owner[name] for name in one.tensors}) == (1 if one.tensors else 0)
            assert all(one.start <= tensors[name].offset < one.stop for name in one.tensors)
            names += one.tensors
    assert sorted(names) == sorted(tensors)


@given(LAYOUTS)
def test_a_stream_that_stops_at_each_place_makes_all_parts_in_one_pass(layout: Layout) -> None:
    parts, tensors = deal(layout)
    shards, left, here = cut(parts, tensors), list(parts), set[str]()
    while left:
        runs, at = shards[next_shard(left, here, tensors)], 0
        while at < runs[-1].stop:
            stop = next_stop(runs, at, left, here)
            assert at < stop
            here.update(name for one in runs if at < one.stop <= stop for name in one.tensors)
            at = stop
            while part := ready_part(left, here):
                left.remove(part)
            here &= needed_tensors(left)


def test_a_stretch_ends_where_a_part_can_be_made_or_after_half_a_gibibyte() -> None:
    parts, tensors = deal([["1"], ["1", "1"], ["1"]], {1: 300})
    runs = cut(parts, tensors)["1"]
    assert [one.size for one in runs] == [HEADER, MIB, 600 * MIB, MIB]
    stops, left = [0], list(parts)
    for made in (1, 0, 1, 1):
        stops.append(next_stop(runs, stops[-1], left, set()))
        del left[:made]
    first = HEADER + MIB
    assert stops == [0, first, first + 512 * MIB, first + 600 * MIB, runs[-1].stop]


@given(LAYOUTS)
def test_the_forecast_holds_what_is_there_at_once(layout: Layout) -> None:
    parts, tensors = deal(layout)
    kept = run(parts, tensors)[2]
    most = most_bytes(parts, tensors, cut(parts, tensors))
    assert most >= max(kept) * MIB
    assert most >= max(len(part.tensors) for part in parts) * MIB
    assert most <= len(tensors) * MIB * 2 + (len(parts) + 2) * MIB


def test_of_a_large_checkpoint_the_parts_and_little_more_are_on_the_disk() -> None:
    # As hubs have GLM-4-9B: embedding first, head last, layers cut in the midst, sorted by names.
    layers, shards = 40, 10
    layout = [["0"], *([str(at * shards // layers)] * 4 for at in range(layers)), ["9"]]
    for first in range(5, layers, 4):
        layout[first][0] = str(int(layout[first][0]) - 1)
    sizes = {0: 1240, layers + 1: 1240} | {at: 100 for at in range(1, layers + 1)}
    parts, tensors = deal(layout, sizes)
    spool = sum(part.size_bytes for part in parts)
    most = most_bytes(parts, tensors, cut(parts, tensors))
    layer, part = 4 * 100 * MIB, 100 * MIB
    # The last layer but one beside three quarters of the last one, of which a quarter is to come.
    assert most == spool - 2 * part + layer + 3 * layer // 4 + 2 * part


def test_the_largest_parts_are_made_while_the_spool_is_small() -> None:
    layout = [["1", "1", "1"], ["1"], ["2"], ["3"], ["3", "3", "3"]]
    assert run(*deal(layout))[0] == ["1", "3", "2"]


def test_a_chain_of_shards_leaves_only_what_is_cut() -> None:
    chain = [["1", "1"], ["1", "2"], ["2", "2"], ["2", "3"], ["3", "3"]]
    assert run(*deal(chain)) == (
        ["1", "2", "3"],
        ["part_0", "part_1", "part_2", "part_3", "part_4"],
        [1, 1, 0],
    )


def test_layers_in_the_order_of_their_names_are_no_detour() -> None:
    # model.layers.10 stands before model.layers.2 in a file that is sorted by names.
    layout = [["1"], ["1"], ["2"], ["3"], ["1"], ["2"], ["3"]]
    shards, made, kept = run(*deal(layout))
    assert shards == ["1", "2", "3"]
    assert made == [f"part_{at}" for at in (0, 1, 4, 2, 5, 3, 6)]
    assert kept == [0, 0, 0]


def test_what_waits_on_the_disk_is_freed_first() -> None:
    # The head lies in the first shard, its norm in the last one.
    layout = [["1"], ["1", "2"], ["2", "3"], ["3", "4"], ["1", "1", "1", "4"]]
    assert run(*deal(layout))[0] == ["1", "4", "2", "3"]
