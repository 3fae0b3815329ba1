"""`ovglm rm`: removes exported models and pulled sources, after a question."""

import json
import sys
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from ovglm.errors import OvglmError

if TYPE_CHECKING:
    from pathlib import Path

    from ovglm.stored_exports import StoredExport
    from ovglm.stored_sources import StoredSource

__all__ = ["EXAMPLES", "HELP", "add_arguments", "run"]

HELP = "remove exported models and pulled sources from this machine"

EXAMPLES = """\
  ovglm rm nano
  ovglm rm zai-org/glm-edge-1.5b-chat
  ovglm rm ./glm-edge-int4 --yes
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the options of `ovglm rm`."""
    add = parser.add_argument
    add(
        "names",
        nargs="+",
        metavar="NAME|DIR",
        help="an export or a source of `ovglm list`, or the folder of an exported model",
    )
    add("--yes", action="store_true", help="do not ask")
    add("--json", action="store_true", help="print what was removed as one JSON object")


def run(options: Namespace) -> int:
    """Find all first, so that nothing is removed when one name is wrong; then ask and remove."""
    from ovglm.cli.columns import size_text

    things = {thing.folder: thing for thing in map(_find, options.names)}
    removed = []
    for thing in things.values():
        if not (options.yes or _ask(thing)):
            print(f"{thing.name} stays", file=sys.stderr)
            continue
        left = _remove(thing)
        removed.append({"folder": str(thing.folder), "size_bytes": thing.size_bytes})
        if not options.json:
            print(f"removed {thing.folder} ({size_text(thing.size_bytes)})")
        if left:
            print(f"{len(left)} other files stay in {thing.folder}", file=sys.stderr)
    if options.json:
        print(json.dumps({"removed": removed}, ensure_ascii=False))
    return 0


def _find(text: str) -> "StoredExport | StoredSource":
    """Find an export or a source; a name that both have, or several, is refused with theirs."""
    from ovglm.stored_exports import exports_called, find_export
    from ovglm.stored_sources import find_sources, list_sources

    found = [*exports_called(text), *find_sources(text)]
    if len(found) > 1:
        raise OvglmError(
            f"{len(found)} things here are of {text}: {', '.join(one.name for one in found)}",
            hint=f"ovglm rm {found[0].name}",
        )
    return found[0] if found else find_export(text, [one.repository for one in list_sources()])


def _remove(thing: "StoredExport | StoredSource") -> "tuple[Path, ...]":
    from ovglm.stored_exports import remove_export
    from ovglm.stored_sources import StoredSource, remove_source

    if isinstance(thing, StoredSource):
        remove_source(thing)
        return ()
    return remove_export(thing)


def _ask(thing: "StoredExport | StoredSource") -> bool:
    from ovglm.cli.asking import confirm
    from ovglm.cli.columns import size_text

    return confirm(
        f"remove {thing.folder} ({size_text(thing.size_bytes)})?",
        f"{thing.folder} may go",
        f"ovglm rm {thing.name} --yes",
    )
