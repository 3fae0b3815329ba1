"""`ovglm list`: the names that MODEL can be, and what is exported on this machine."""

import json
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ovglm.stored_exports import StoredExport

__all__ = ["EXAMPLES", "HELP", "add_arguments", "run"]

HELP = "show the models that ovglm knows by name, and the exported ones"

EXAMPLES = """\
  ovglm list
  ovglm list --json
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the options of `ovglm list`."""
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: Namespace) -> int:
    """Print the catalogue and the store."""
    from ovglm.stored_exports import list_stored

    stored = list_stored()
    if options.json:
        print(json.dumps(_to_json(stored), ensure_ascii=False, indent=2))
    else:
        _print_catalogue()
        _print_store(stored)
    return 0


def _to_json(stored: "tuple[StoredExport, ...]") -> dict[str, Any]:
    from ovglm.models import CATALOGUE

    known = {
        entry.name: {"summary": entry.summary, "repository": entry.repository}
        for entry in CATALOGUE.values()
    }
    return {"known": known, "exported": [_export_to_json(one) for one in stored]}


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


def _print_catalogue() -> None:
    from ovglm.cli.columns import align
    from ovglm.models import CATALOGUE

    rows = [
        (f"  {entry.name}", entry.summary, entry.repository or "inside ovglm")
        for entry in CATALOGUE.values()
    ]
    print("known by name:", *align(rows), sep="\n")


def _print_store(stored: "tuple[StoredExport, ...]") -> None:
    from ovglm.cli.columns import align
    from ovglm.store import exports_folder

    if not stored:
        print('\nnothing is exported on this machine yet; ovglm run nano "Hello" exports nano')
        return
    rows = [("  NAME", "SIZE", "RECIPE", "RUNS ON", "LAST USED"), *map(_to_row, stored)]
    print(f"\nexported on this machine, in {exports_folder()}:", *align(rows, right=[1]), sep="\n")


def _to_row(one: "StoredExport") -> tuple[str, ...]:
    from ovglm.cli.columns import size_text

    used = one.last_used.astimezone().strftime("%Y-%m-%d %H:%M") if one.last_used else "never"
    recipe = one.recipe or ("unreadable" if one.is_complete else "unfinished")
    return f"  {one.name}", size_text(one.size_bytes), recipe, ", ".join(one.devices) or "-", used
