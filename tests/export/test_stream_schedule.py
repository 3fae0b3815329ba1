"""The order of shards and parts: each shard comes once, however the tensors are dealt out."""

from collections.abc import Sequence
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from ovglm_export.shard import TensorInfo
from ovglm_export.streaming.schedule import (
    Part,
    most_bytes,
    needed_tensors,
    next_shard,
    ready_part,
)

MIB = 1 << 20


def deal(parts: Sequence[Sequence[str]]) -> tuple[list[Part], dict[str, TensorInfo]]:
    """Make parts of 1 MiB tensors, each given by its shard."""
    made, tensors = [], {}
    for number, shards in enumerate(parts):
        names = [f"part_{number}.{at}" for at in range(len(shards))]
        for name, shard in zip(names, shards, strict=True):
            tensors[name] = TensorInfo(Path(shard), "BF16", (MIB // 2,), 0)
        made.append(Part(f"part_{number}", frozenset(names), MIB // 4))
    return made, tensors


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


@given(st.lists(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=4), min_size=1))
def test_each_shard_comes_once_and_each_part_is_made_once(layout: list[list[str]]) -> None:
    parts, tensors = deal(layout)
    shards, made, _ = run(parts, tensors)
    assert sorted(shards) == sorted({shard for part in layout for shard in part})
    assert sorted(made) == sorted(part.name for part in parts)


@given(st.lists(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=4), min_size=1))
def test_the_forecast_holds_what_is_there_at_once(layout: list[list[str]]) -> None:
    parts, tensors = deal(layout)
    sizes = dict.fromkeys("abcdef", 0)
    for info in tensors.values():
        sizes[info.file.name] += MIB
    shards, _, kept = run(parts, tensors)
    most = most_bytes(parts, tensors, sizes)
    assert most >= max(sizes[shard] for shard in shards)
    assert most >= max(kept) * MIB
    assert most <= sum(sizes.values()) * 2 + (len(parts) + 2) * MIB // 4


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
