"""Compiled models on disk: trusted when whole, rebuilt when not, never shared while written."""

import json
import os
import subprocess
import sys
from itertools import count
from pathlib import Path
from queue import Queue
from threading import Event, Thread

import pytest

from ovglm import compiled_entry
from ovglm.compiled_cache import CompiledCache, compiled_folder
from ovglm.errors import OvglmError
from ovglm.file_sums import BLOCK, BLOCKS, find_changes, sum_files

FACTS = {"fingerprint": "f00d", "device": "CPU", "properties": {"A": "1", "B": "2"}}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CompiledCache:
    """An empty cache whose clock never stands still."""
    monkeypatch.setattr(compiled_entry, "time", count(1.0).__next__)
    return CompiledCache(tmp_path / "compiled")


def _compile(cache: CompiledCache, facts: dict = FACTS, blob: bytes = b"code" * 100) -> Path:
    """Load once as an engine would; give the blob's path."""
    with cache.open(facts, model="nano") as entry:
        path = entry.folder / "model.blob"
        if entry.state == "cold":
            path.write_bytes(blob)
        entry.seal()
    return path


def test_the_first_load_is_cold_and_the_second_finds_its_files(cache: CompiledCache) -> None:
    with cache.open(FACTS) as entry:
        assert entry.state == "cold"
        assert list(entry.folder.iterdir()) == []
        (entry.folder / "model.blob").write_bytes(b"code")
        entry.seal()
    with cache.open(FACTS) as entry:
        assert (entry.state, entry.notes) == ("warm", ())
        assert (entry.folder / "model.blob").read_bytes() == b"code"
        entry.seal()


@pytest.mark.parametrize(
    "change", [{"device": "NPU"}, {"properties": {"A": "1"}}, {"fingerprint": "beef"}]
)
def test_any_other_fact_is_another_entry(cache: CompiledCache, change: dict) -> None:
    _compile(cache)
    with cache.open({**FACTS, **change}) as entry:
        assert entry.state == "cold"
        entry.seal()


def test_the_order_of_facts_does_not_matter(cache: CompiledCache) -> None:
    _compile(cache)
    turned = {**dict(reversed(FACTS.items())), "properties": {"B": "2", "A": "1"}}
    with cache.open(turned) as entry:
        assert entry.state == "warm"


@pytest.mark.parametrize("damage", ["cut", "flip", "delete"])
def test_a_damaged_blob_is_deleted_and_said(cache: CompiledCache, damage: str) -> None:
    blob = _compile(cache)
    if damage == "cut":
        blob.write_bytes(blob.read_bytes()[:-1])
    elif damage == "flip":
        state = blob.stat()
        blob.write_bytes(b"C" + blob.read_bytes()[1:])
        os.utime(blob, ns=(state.st_atime_ns, state.st_mtime_ns))
    else:
        blob.unlink()
    with cache.open(FACTS) as entry:
        assert entry.state == "cold"
        assert list(entry.folder.iterdir()) == []
        assert "damaged (model.blob" in entry.notes[0] and "compiled again" in entry.notes[0]
        entry.seal()


def test_an_unreadable_record_is_no_reason_to_trust_the_files(cache: CompiledCache) -> None:
    blob = _compile(cache)
    (blob.parents[1] / "entry.json").write_text('{"facts": 3')
    with cache.open(FACTS) as entry:
        assert entry.state == "cold" and not blob.exists() and entry.notes


def test_a_file_that_nobody_summed_is_deleted(cache: CompiledCache) -> None:
    blob = _compile(cache)
    stranger = blob.with_name("half-written.blob")
    stranger.write_bytes(b"?")
    with cache.open(FACTS) as entry:
        assert entry.state == "warm"
        assert blob.exists() and not stranger.exists()
        entry.seal()


@pytest.mark.parametrize("seal_first", [True, False], ids=["warm", "cold"])
def test_files_of_a_failed_load_are_deleted(cache: CompiledCache, seal_first: bool) -> None:
    if seal_first:
        _compile(cache)
    with pytest.raises(ZeroDivisionError), cache.open(FACTS) as entry:
        (entry.folder / "half.blob").write_bytes(b"half")
        raise ZeroDivisionError
    with cache.open(FACTS) as entry:
        assert entry.state == "cold"
        assert list(entry.folder.iterdir()) == []


def test_ctrl_c_during_a_load_keeps_what_was_whole_before(cache: CompiledCache) -> None:
    blob = _compile(cache)
    with pytest.raises(KeyboardInterrupt), cache.open(FACTS) as entry:
        (entry.folder / "half.blob").write_bytes(b"half")
        raise KeyboardInterrupt
    with cache.open(FACTS) as entry:
        assert (entry.state, entry.notes) == ("warm", ())
        assert [file.name for file in entry.folder.iterdir()] == [blob.name]
        entry.seal()


def test_files_of_a_process_that_died_while_loading_are_not_trusted(
    cache: CompiledCache,
) -> None:
    _compile(cache)
    code = (
        "import json, os, sys; from pathlib import Path\n"
        "from ovglm.compiled_cache import CompiledCache\n"
        "with CompiledCache(Path(sys.argv[1])).open(json.loads(sys.argv[2])) as entry:\n"
        "    print(entry.state, flush=True); os._exit(6)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(cache.root), json.dumps(FACTS)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (6, "warm\n")
    with cache.open(FACTS) as entry:
        assert entry.state == "cold"
        assert "did not finish" in entry.notes[0]


def test_an_engine_can_discard_files_that_it_cannot_load(cache: CompiledCache) -> None:
    blob = _compile(cache)
    with cache.open(FACTS) as entry:
        entry.discard("the driver refuses the compiled model")
        assert entry.state == "cold" and not blob.exists()
        assert entry.notes == ("the driver refuses the compiled model: it is compiled again",)
        blob.write_bytes(b"new")
        entry.seal()
    with cache.open(FACTS) as entry:
        assert entry.state == "warm"


def test_a_second_process_waits_says_so_and_then_finds_the_files(cache: CompiledCache) -> None:
    holding, release, states, said = Event(), Event(), Queue(), Queue()

    def first() -> None:
        with cache.open(FACTS) as entry:
            holding.set()
            assert release.wait(20)
            (entry.folder / "model.blob").write_bytes(b"code")
            entry.seal()

    def second() -> None:
        with cache.open(FACTS, say=said.put) as entry:
            states.put(entry.state)
            entry.seal()

    threads = [Thread(target=first), Thread(target=second)]
    threads[0].start()
    assert holding.wait(20)
    threads[1].start()
    assert "another process" in said.get(timeout=20)
    release.set()
    assert states.get(timeout=20) == "warm"
    for thread in threads:
        thread.join(20)


def test_the_list_shows_the_last_used_first(cache: CompiledCache) -> None:
    assert cache.list() == ()
    for device in ("CPU", "GPU", "CPU"):
        _compile(cache, {"device": device})
    first, second = cache.list()
    assert (first.facts["device"], second.facts["device"]) == ("CPU", "GPU")
    assert (first.model, first.size_bytes, first.is_in_use) == ("nano", 400, False)
    assert first.last_used > second.last_used > 0


def test_pruning_deletes_the_least_recently_used(cache: CompiledCache) -> None:
    for device in ("CPU", "GPU", "NPU"):
        _compile(cache, {"device": device})
    cleared = cache.prune(800)
    assert [one.facts["device"] for one in cleared.removed] == ["CPU"]
    assert cleared.freed_bytes == 400
    assert [one.facts["device"] for one in cache.list()] == ["NPU", "GPU"]


def test_a_new_entry_prunes_by_itself_and_stays(
    cache: CompiledCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    _compile(cache, {"device": "CPU"})
    monkeypatch.setenv("OVGLM_CACHE_GB", "0.0000003")
    _compile(cache, {"device": "GPU"})
    assert [one.facts["device"] for one in cache.list()] == ["GPU"]


def test_a_wrong_limit_is_refused(cache: CompiledCache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OVGLM_CACHE_GB", "much")
    with pytest.raises(OvglmError, match="OVGLM_CACHE_GB is 'much'"):
        cache.prune()


def test_an_entry_in_use_is_neither_pruned_nor_cleared(cache: CompiledCache) -> None:
    _compile(cache, {"device": "CPU"})
    with cache.open(FACTS, model="busy") as entry:
        (entry.folder / "model.blob").write_bytes(b"code")
        assert [one.model for one in cache.prune(0).left] == ["busy"]
        cleared = cache.clear()
        assert ([one.model for one in cleared.left], cleared.removed) == (["busy"], ())
        assert cache.list()[0].is_in_use
        entry.seal()
    assert len(cache.clear().removed) == 1
    assert cache.list() == ()


def test_a_folder_that_cannot_be_written_is_refused_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(OvglmError, match="cannot be kept in") as caught,
        CompiledCache(tmp_path / "file").open(FACTS),
    ):
        pytest.fail("nothing can be written there")
    assert caught.value.hint and "--no-cache" in caught.value.hint


def test_the_usual_place_is_in_our_own_folder(home: Path) -> None:
    assert compiled_folder() == home / "compiled"


def test_of_a_large_file_the_ends_and_blocks_between_are_summed(tmp_path: Path) -> None:
    path = tmp_path / "large.blob"
    size = BLOCK * (BLOCKS + 9)
    with path.open("wb") as stream:
        stream.truncate(size)
    sums = sum_files(tmp_path)
    assert find_changes(tmp_path, sums) == []
    state = path.stat()
    for place in (0, size // 2 // BLOCK * BLOCK, size - 1):
        with path.open("r+b") as stream:
            stream.seek(place)
            stream.write(b"x")
        os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
        assert find_changes(tmp_path, sums) == ["large.blob has changed"]
        with path.open("r+b") as stream:
            stream.seek(place)
            stream.write(b"\0")
        os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
        assert find_changes(tmp_path, sums) == []
