"""`ovglm list`: what is on this machine: pulled sources and exported models."""

import json
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ovglm.stored_exports import StoredExport
    from ovglm.stored_sources import StoredSource

__all__ = ["EXAMPLES", "HELP", "add_arguments", "run"]

HELP = "show the models that are on this machine: pulled and exported ones"

EXAMPLES = """\
  ovglm list
  ovglm list --json
  ovglm list --updates
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the options of `ovglm list`."""
    add = parser.add_argument
    add("--json", action="store_true", help="print one JSON object")
    text = "ask the hubs which of the models here have changed since they were pulled"
    add("--updates", action="store_true", help=text)


def run(options: Namespace) -> int:
    """Print what is in the store, and the names that can be had."""
    from ovglm.stored_exports import list_stored
    from ovglm.stored_sources import list_sources

    if options.updates:
        from ovglm.cli.updates_table import print_updates

        print_updates(as_json=options.json)
        return 0
    stored, sources = list_stored(), list_sources()
    if options.json:
        print(json.dumps(_to_json(stored, sources), ensure_ascii=False, indent=2))
    else:
        _print_sources(sources)
        _print_store(stored)
        _print_names()
    return 0


def _to_json(
    stored: "tuple[StoredExport, ...]", sources: "tuple[StoredSource, ...]"
) -> dict[str, Any]:
    from ovglm.models import CATALOGUE

    known = {
        entry.name: {"summary": entry.summary, "repository": entry.repository}
        for entry in CATALOGUE.values()
    }
    return {
        "known": known,
        "sources": [_source_to_json(one) for one in sources],
        "exported": [_export_to_json(one) for one in stored],
    }


def _source_to_json(one: "StoredSource") -> dict[str, Any]:
    return {
        "name": one.name,
        "hub": one.hub,
        "repository": one.repository,
        "commit": one.commit,
        "folder": str(one.folder),
        "size_bytes": one.size_bytes,
        "is_complete": one.is_complete,
    }


def _export_to_json(one: "StoredExport") -> dict[str, Any]:
    return {
        "name": one.name,
        "folder": str(one.folder),
        "model": one.model or None,
        "recipe": one.recipe or None,
        "devices": list(one.devices),
        "size_bytes": one.size_bytes,
        "last_used": one.last_used.isoformat(timespec="seconds") if one.last_used else None,
        "is_complete": one.is_complete,
    }


def _print_names() -> None:
    from textwrap import fill

    from ovglm.models import CATALOGUE

    print("\nknown by name (ovglm models tells more):")
    print(fill(", ".join(CATALOGUE), 78, initial_indent="  ", subsequent_indent="  ",
               break_on_hyphens=False))  # fmt: skip


def _print_sources(sources: "tuple[StoredSource, ...]") -> None:
    from ovglm.cli.columns import align, size_text
    from ovglm.store import sources_folder

    if not sources:
        return
    rows = [
        (
            f"  {one.name}",
            size_text(one.size_bytes),
            one.hub,
            "" if one.is_complete else "unfinished",
        )
        for one in sources
    ]
    head = ("  NAME", "SIZE", "FROM", "")
    print(f"pulled to this machine, in {sources_folder()}:", *align([head, *rows], right=[1]), "",
          sep="\n")  # fmt: skip


def _print_store(stored: "tuple[StoredExport, ...]") -> None:
    from ovglm.cli.columns import align
    from ovglm.store import exports_folder

    if not stored:
        print('nothing is exported on this machine yet; ovglm run nano "Hello" exports nano')
        return
    print(f"exported on this machine, in {exports_folder()}:")
    facts = align([_to_row(one) for one in stored], right=[0])
    for one, row in zip(stored, facts, strict=True):
        print(f"  {one.name}\n    {row}")


def _to_row(one: "StoredExport") -> tuple[str, ...]:
    from ovglm.cli.columns import size_text

    used = one.last_used.astimezone().strftime("%Y-%m-%d %H:%M") if one.last_used else "never"
    recipe = one.recipe or ("unreadable" if one.is_complete else "unfinished")
    runs_on = f"for {', '.join(one.devices)}" if one.devices else ""
    return size_text(one.size_bytes), recipe, runs_on, f"last used: {used}"
