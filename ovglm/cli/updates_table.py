"""What `ovglm list --updates` prints: each model from a hub, the commit here and the one there."""

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ovglm.hub.updates import Update

__all__ = ["print_updates"]

_WORDS = {"current": "up to date", "moved": "moved on", "pinned": "pinned", "unknown": "no answer"}
_DIGITS = 8


def print_updates(*, as_json: bool) -> None:
    """Ask the hubs and print; a model whose hub gives no answer is named with the reason."""
    from ovglm.cli.columns import align
    from ovglm.hub.updates import find_updates

    found = find_updates()
    if as_json:
        rows = [{**asdict(one), "state": one.state} for one in found]
        print(json.dumps({"updates": rows}, ensure_ascii=False, indent=2))
        return
    if not found:
        print("no model here came from a hub")
        return
    print(*align([("NAME", "FOLLOWS", "HERE", "THERE", ""), *map(_to_row, found)]), sep="\n")
    for why in dict.fromkeys(one.why for one in found if one.why):
        print(why, file=sys.stderr)
    moved = dict.fromkeys((one.source, one.repo) for one in found if one.state == "moved")
    for source, repo in moved:
        print(
            f"try: ovglm pull {repo}" + ("" if source == "huggingface" else f" --source {source}")
        )


def _to_row(one: "Update") -> tuple[str, ...]:
    there = one.there[:_DIGITS] if one.there else "-"
    followed = one.followed[:_DIGITS] if one.state == "pinned" else one.followed
    return one.name, followed, one.here[:_DIGITS], there, _WORDS[one.state]
