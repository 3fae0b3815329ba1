"""The benchmark of streaming: what it counts as disk, and the tables it prints."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import stream
from benchmarks.disk import DiskPeak, held_bytes
from benchmarks.hub_server import FileContent, made_up_shards
from benchmarks.measure import Measurement
from benchmarks.shapes import SHAPES, shard_headers, write_checkpoint, write_texts
from benchmarks.stream import PLAIN, STREAM, Run
from ovglm_export.checkpoint import open_checkpoint

MIB = 1 << 20
# Holds a deleted file open, another one mapped, and says so.
HOLDER = """
import mmap, os, sys
for at, path in enumerate(sys.argv[1:]):
    file = open(path, "r+b")
    if at:
        mapped = mmap.mmap(file.fileno(), 0)
        file.close()
    else:
        opened = file
    os.unlink(path)
print("ready", flush=True)
sys.stdin.read()
"""


def test_a_hole_takes_no_disk(tmp_path: Path) -> None:
    (tmp_path / "full").write_bytes(os.urandom(MIB))
    with (tmp_path / "hollow").open("wb") as file:
        file.truncate(64 * MIB)
    assert MIB <= held_bytes(tmp_path) < 2 * MIB


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_a_deleted_file_counts_while_it_is_held(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("opened", "mapped")]
    for file in files:
        file.write_bytes(os.urandom(MIB))
    line = [sys.executable, "-c", HOLDER, *map(str, files)]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as held:
        assert held.stdin and held.stdout
        assert held.stdout.readline() == "ready\n"
        disk = DiskPeak([tmp_path])
        disk.look(held.pid)
        held.stdin.close()
    assert held_bytes(tmp_path) == 0
    assert disk.bytes >= 2 * MIB


def test_the_hub_serves_a_file_from_the_disk(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"0123456789")
    content = FileContent(tmp_path / "file")
    assert (content.size, content.read(8, 5)) == (10, b"89")
    assert content.sha256 == "84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882"


def test_a_made_up_checkpoint_is_one(tmp_path: Path) -> None:
    shape, folder = SHAPES["tiny"], tmp_path / "made-up"
    write_texts(shape, folder, shard_bytes=250_000)
    for name, shard in made_up_shards(shape, 250_000).items():
        (folder / name).write_bytes(b"".join(shard.pieces(0, shard.size)))
        assert shard.read(shard.size - 5, 9) == (folder / name).read_bytes()[-5:]
    checkpoint = open_checkpoint(folder)
    values = [checkpoint.weight(name).data.tobytes() for name in checkpoint.places]
    assert len(set(values)) == len(values)
    write_checkpoint(shape, tmp_path / "written", shard_bytes=250_000)
    written = open_checkpoint(tmp_path / "written").tensors
    assert {name: info.offset for name, info in written.items()} == {
        name: info.offset for name, info in checkpoint.tensors.items()
    }
    assert len(shard_headers(shape, 250_000)) > 2


def test_the_tables_show_medians_and_ratios() -> None:
    runs = [
        Run("tiny", road, Measurement(wall, 2**30, 2**31), disk, disk // 2)
        for road, disk, walls in ((PLAIN, 8 * 10**9, (10.0, 20.0)), (STREAM, 2 * 10**9, (30.0,)))
        for wall in walls
    ]
    text = stream.tables(runs)
    assert "| tiny | pull, then export | 15.0 s | 8.00 GB | 4.00 GB | 1.00 GiB |" in text
    assert "| tiny | ratio | 2.00 | 0.25 | 0.25 | 1.00 |" in text
    assert stream.tables(runs[:1]).count("ratio") == 0


def test_the_roads_take_turns_in_going_first() -> None:
    assert [stream.order(number)[0] for number in range(4)] == [PLAIN, STREAM] * 2
