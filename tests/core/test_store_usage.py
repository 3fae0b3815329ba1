"""What fills the store, and what of it can go: never what a live process writes or reads."""

import os
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import pytest

from live_process import live_process
from ovglm.compiled_cache import CompiledCache, compiled_folder
from ovglm.folder_locks import keep_folder, lock_of
from ovglm.recipe import Recipe
from ovglm.store import Model, export_folder
from ovglm.store_usage import Waste, find_waste, read_contents, remove_waste
from stored import write_export, write_source


def _waste() -> tuple[Waste, ...]:
    return find_waste(read_contents())


def _names() -> list[tuple[str, str]]:
    return [(one.kind, one.name) for one in _waste()]


def _export_of(source: Path, *, is_complete: bool = True) -> Path:
    """Write what an export of a source leaves in the store."""
    folder = export_folder(Model("glm", source, is_exported=False), Recipe())
    if is_complete:
        return write_export(folder)
    partial = folder.with_name(f"{folder.name}.partial")
    (partial / "spool").mkdir(parents=True)
    (partial / "spool" / "layer_000.bin").write_bytes(b"12345")
    return partial


def _compile(facts: Mapping[str, str], model: str = "nano") -> None:
    with CompiledCache(compiled_folder()).open(facts, model=model) as entry:
        (entry.folder / "0.blob").write_bytes(b"x" * 100)
        entry.seal()


def test_an_empty_store_has_nothing_and_wastes_nothing() -> None:
    assert set(read_contents().sizes().values()) == {(0, 0)}
    assert _waste() == ()


def test_the_usage_counts_each_kind_once(home: Path) -> None:
    source = write_source(home)
    write_source(home, commit="f" * 40, is_complete=False)
    _export_of(source, is_complete=False)
    export = write_export(home / "exports" / "glm")
    _compile({"openvino": version("openvino-genai")})
    sizes = read_contents().sizes()
    assert {kind: count for kind, (count, _) in sizes.items()} == {
        "sources": 1, "exports": 1, "compiled": 1, "unfinished": 2,
    }  # fmt: skip
    assert sizes["exports"][1] == sum(file.stat().st_size for file in export.iterdir())
    assert sizes["compiled"][1] == 100


def test_a_source_whose_export_is_here_can_go_and_another_cannot(home: Path) -> None:
    source = write_source(home)
    write_source(home, repository="zai-org--GLM-4-32B-0414", weights=b"other")
    export = _export_of(source)
    (one,) = _waste()
    assert (one.kind, one.folder) == ("sources", source)
    assert export.name in one.why
    assert remove_waste(one)
    assert not source.exists()
    assert export.is_dir()


def test_a_source_with_an_unfinished_export_stays(home: Path) -> None:
    source = write_source(home)
    _export_of(source)
    other = export_folder(Model("glm", source, is_exported=False), Recipe(weights="int8"))
    (other.with_name(f"{other.name}.partial")).mkdir()
    assert [kind for kind, _ in _names()] == ["unfinished"]


def test_a_source_that_a_process_exports_from_stays(home: Path) -> None:
    source = write_source(home)
    _export_of(source)
    with keep_folder(source):
        assert _waste() == ()
    (one,) = _waste()
    with keep_folder(source):
        assert not remove_waste(one)
    assert source.is_dir()


def test_an_unfinished_export_goes_when_its_process_is_dead(home: Path) -> None:
    partial = _export_of(write_source(home), is_complete=False)
    lock = lock_of(partial.with_name(partial.name.removesuffix(".partial")))
    with live_process(f"from filelock import FileLock\nwith FileLock({str(lock)!r}):") as process:
        assert _waste() == ()
        process.kill()
        process.wait()
        assert _names() == [("unfinished", partial.name)]
    (one,) = _waste()
    assert remove_waste(one)
    assert not partial.exists()


def test_an_export_that_begins_meanwhile_stays(home: Path) -> None:
    partial = _export_of(write_source(home), is_complete=False)
    (one,) = _waste()
    lock = lock_of(partial.with_name(partial.name.removesuffix(".partial")))
    with live_process(f"from filelock import FileLock\nwith FileLock({str(lock)!r}):"):
        assert not remove_waste(one)
    assert partial.is_dir()


def test_a_workspace_that_holds_the_only_older_export_stays(home: Path) -> None:
    write_export(home / "exports" / "glm.partial" / "old")
    assert _waste() == ()


def test_an_unfinished_pull_goes_unless_a_process_pulls(home: Path) -> None:
    folder = write_source(home, is_complete=False)
    lock = str(lock_of(folder))
    with live_process(f"from filelock import FileLock\nwith FileLock({lock!r}):"):
        assert _waste() == ()
    (one,) = _waste()
    assert one.kind == "unfinished"
    assert remove_waste(one)
    assert not folder.exists()


@pytest.mark.parametrize(("made_by", "is_waste"), [(None, False), ("2020.1.0", True)])
def test_what_another_openvino_compiled_can_go(made_by: str | None, is_waste: bool) -> None:
    _compile({"openvino": made_by or f"{version('openvino-genai')}-123-abc"})
    assert bool(_waste()) == is_waste
    for one in _waste():
        assert "2020.1.0" in one.why
        assert remove_waste(one)
        assert CompiledCache(compiled_folder()).list() == ()


def test_a_compiled_model_that_was_not_loaded_for_long_can_go(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ovglm.compiled_entry.time", lambda: 1_700_000_000.0)
    _compile({"openvino": version("openvino-genai")})
    (one,) = _waste()
    assert "2023-11-14" in one.why


def test_a_finished_export_is_never_waste(home: Path) -> None:
    folder = write_export(home / "exports" / "glm")
    os.utime(folder, (0, 0))
    assert _waste() == ()
