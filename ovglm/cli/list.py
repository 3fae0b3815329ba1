"""`ovglm list`: the names that MODEL can be, and what is exported on this machine."""

import json
from argparse import ArgumentParser, Namespace

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
    from ovglm.models import CATALOGUE
    from ovglm.store import list_exports

    if options.json:
        known = {
            entry.name: {"summary": entry.summary, "repository": entry.repository}
            for entry in CATALOGUE.values()
        }
        exported = [str(folder) for folder in list_exports()]
        print(json.dumps({"known": known, "exported": exported}, ensure_ascii=False, indent=2))
        return 0
    print("known by name:")
    for entry in CATALOGUE.values():
        print(f"  {entry.name:<20} {entry.summary:<47} {entry.repository or 'inside ovglm'}")
    print("exported on this machine:")
    for folder in list_exports():
        print(f"  {folder}")
    return 0
