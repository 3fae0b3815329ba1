"""`ovglm store`: what fills ovglm's own folder, and what of it can go."""

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ovglm.errors import OvglmError

if TYPE_CHECKING:
    from ovglm.store_usage import Contents, Kind, Waste

__all__ = ["EXAMPLES", "HELP", "add_arguments", "run"]

HELP = "show what fills the disk, and delete what is not needed any more"

EXAMPLES = """\
  ovglm store
  ovglm store --prune --dry-run
  ovglm store --prune --yes
"""

MEANINGS: "dict[Kind, str]" = {
    "sources": "checkpoints as they were pulled",
    "exports": "models that can be run",
    "compiled": "models compiled for a device, for a quick load",
    "unfinished": "pulls and exports that stopped or are under way",
}


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the options of `ovglm store`."""
    add = parser.add_argument
    add("--prune", action="store_true", help="delete what is unused; nothing that a process uses")
    add("--dry-run", action="store_true", help="with --prune: only say what would go")
    add("--yes", action="store_true", help="with --prune: do not ask")
    add("--json", action="store_true", help="print one JSON object")


def run(options: Namespace) -> int:
    """Show the usage, or prune."""
    from ovglm.store_usage import find_waste, read_contents

    for name in ("dry_run", "yes"):
        if getattr(options, name) and not options.prune:
            flag = f"--{name.replace('_', '-')}"
            raise OvglmError(f"{flag} has no effect without --prune", f"ovglm store --prune {flag}")
    contents = read_contents()
    waste = find_waste(contents)
    if options.prune:
        _prune(waste, options)
    elif options.json:
        print(json.dumps(_to_json(contents, waste), ensure_ascii=False, indent=2))
    else:
        _print_usage(contents, waste)
    return 0


def _print_usage(contents: "Contents", waste: "Sequence[Waste]") -> None:
    from ovglm.cli.columns import align, size_text
    from ovglm.store import home_folder

    sizes = contents.sizes()
    total = sum(size for _, size in sizes.values())
    rows = [
        (f"  {kind}", str(count), size_text(size), MEANINGS[kind])
        for kind, (count, size) in sizes.items()
    ]
    rows.append(("  in all", "", size_text(total), f"{size_text(_free_bytes())} are free"))
    print(home_folder(), *align(rows, right=[1, 2]), sep="\n")
    if waste:
        print(f"\novglm store --prune would free {size_text(_bytes_of(waste))}:")
        _print_waste(waste)


def _print_waste(waste: "Sequence[Waste]") -> None:
    from ovglm.cli.columns import size_text

    for one in waste:
        print(f"  {one.name} ({one.kind}, {size_text(one.size_bytes)})\n    {one.why}")


def _prune(waste: "Sequence[Waste]", options: Namespace) -> None:
    """Show, ask and delete; what a process has begun to use meanwhile stays."""
    from ovglm.cli.asking import confirm
    from ovglm.cli.columns import size_text
    from ovglm.store_usage import remove_waste

    if not options.json:
        _print_waste(waste)
    size = size_text(_bytes_of(waste))
    question = f"delete {_count(waste)} ({size})?"
    unasked = f"{_count(waste)} ({size}) may go"
    is_meant = bool(waste) and not options.dry_run
    if is_meant and not options.yes and not confirm(question, unasked, "ovglm store --prune --yes"):
        is_meant = False
    gone = [one for one in waste if remove_waste(one)] if is_meant else []
    if options.json:
        found = {"waste": [_waste_to_json(one) for one in waste], "is_dry_run": options.dry_run}
        freed = {"removed": [str(one.folder) for one in gone], "freed_bytes": _bytes_of(gone)}
        print(json.dumps({**found, **freed}, ensure_ascii=False, indent=2))
    elif not waste:
        print("nothing is unused")
    elif options.dry_run:
        print(f"{_count(waste)} could go: {size}")
    elif not is_meant:
        print("nothing was deleted")
    else:
        left = len(waste) - len(gone)
        print(f"freed {size_text(_bytes_of(gone))}" + (f"; {left} stay" if left else ""))


def _to_json(contents: "Contents", waste: "Sequence[Waste]") -> dict[str, Any]:
    from ovglm.store import home_folder

    usage = {
        kind: {"count": count, "size_bytes": size}
        for kind, (count, size) in contents.sizes().items()
    }
    return {
        "folder": str(home_folder()),
        "free_bytes": _free_bytes(),
        "usage": usage,
        "waste": [_waste_to_json(one) for one in waste],
    }


def _waste_to_json(one: "Waste") -> dict[str, Any]:
    return {
        "kind": one.kind,
        "name": one.name,
        "folder": str(one.folder),
        "size_bytes": one.size_bytes,
        "why": one.why,
    }


def _bytes_of(waste: "Sequence[Waste]") -> int:
    return sum(one.size_bytes for one in waste)


def _count(waste: "Sequence[Waste]") -> str:
    return f"{len(waste)} thing{'' if len(waste) == 1 else 's'}"


def _free_bytes() -> int:
    """Return what is free on the disk of the store, which need not be there yet."""
    import shutil

    from ovglm.store import home_folder

    home = home_folder()
    nearest = next(folder for folder in (home, *home.parents) if folder.is_dir())
    return shutil.disk_usage(nearest).free
