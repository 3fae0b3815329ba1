"""`ovglm rm`: removes exported models, after a question."""

import json
import sys
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from ovglm.errors import OvglmError

if TYPE_CHECKING:
    from ovglm.stored_exports import StoredExport

__all__ = ["EXAMPLES", "HELP", "add_arguments", "run"]

HELP = "remove exported models from this machine"

EXAMPLES = """\
  ovglm rm nano
  ovglm rm ./glm-edge-int4 --yes
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the options of `ovglm rm`."""
    add = parser.add_argument
    add(
        "names",
        nargs="+",
        metavar="NAME|DIR",
        help="an exported model of `ovglm list`, or the folder of one",
    )
    add("--yes", action="store_true", help="do not ask")
    add("--json", action="store_true", help="print what was removed as one JSON object")


def run(options: Namespace) -> int:
    """Find all first, so that nothing is removed when one name is wrong; then ask and remove."""
    from ovglm.cli.columns import size_text
    from ovglm.stored_exports import find_export, remove_export

    exports = {export.folder: export for export in map(find_export, options.names)}
    removed = []
    for export in exports.values():
        if not (options.yes or _ask(export)):
            print(f"{export.name} stays", file=sys.stderr)
            continue
        left = remove_export(export)
        removed.append({"folder": str(export.folder), "size_bytes": export.size_bytes})
        if not options.json:
            print(f"removed {export.folder} ({size_text(export.size_bytes)})")
        if left:
            print(f"{len(left)} other files stay in {export.folder}", file=sys.stderr)
    if options.json:
        print(json.dumps({"removed": removed}, ensure_ascii=False))
    return 0


def _ask(export: "StoredExport") -> bool:
    from ovglm.cli.columns import size_text

    if not sys.stdin.isatty():
        raise OvglmError(
            f"nobody is here to say whether {export.folder} may go",
            hint=f"ovglm rm {export.name} --yes",
        )
    question = f"remove {export.folder} ({size_text(export.size_bytes)})? [y/N] "
    print(question, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
