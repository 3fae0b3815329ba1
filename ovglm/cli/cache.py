"""`ovglm cache`: shows and deletes what was compiled for the devices."""

import json
from argparse import ArgumentParser, Namespace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ovglm.compiled_cache import CachedModel, CompiledCache

__all__ = ["EXAMPLES", "HELP", "add_arguments", "run"]

HELP = "show or delete the compiled models that make loading fast"

EXAMPLES = """\
  ovglm cache list
  ovglm cache clear
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the options of `ovglm cache`."""
    add = parser.add_argument
    add("action", choices=("list", "clear"), help="clear costs one compilation per model")
    add("--cache-dir", metavar="DIR", help="where they are, if not in ovglm's own folder")
    add("--json", action="store_true", help="print one JSON object")


def run(options: Namespace) -> int:
    """List or clear the cache."""
    from ovglm.compiled_cache import CompiledCache, compiled_folder

    root = Path(options.cache_dir).expanduser() if options.cache_dir else compiled_folder()
    cache = CompiledCache(root)
    if options.action == "list":
        _list(cache, options.json)
    else:
        _clear(cache, options.json)
    return 0


def _list(cache: "CompiledCache", as_json: bool) -> None:
    from ovglm.cli.columns import align, size_text

    models = cache.list()
    total = sum(one.size_bytes for one in models)
    if as_json:
        listed = [_to_json(one) for one in models]
        print(json.dumps({"folder": str(cache.root), "size_bytes": total, "models": listed}))
        return
    print(f"{_count(len(models))}, {size_text(total)}, in {cache.root}")
    if models:
        rows = [("  MODEL", "DEVICE", "SIZE", "LAST USED", ""), *map(_to_row, models)]
        print(*align(rows, right=[2]), sep="\n")


def _clear(cache: "CompiledCache", as_json: bool) -> None:
    from ovglm.cli.columns import size_text

    done = cache.clear()
    if as_json:
        counts = {"removed": len(done.removed), "left": len(done.left)}
        print(json.dumps({**counts, "freed_bytes": done.freed_bytes}))
        return
    print(f"deleted {_count(len(done.removed))} ({size_text(done.freed_bytes)})")
    if done.left:
        print(f"in use, so it stays: {_count(len(done.left))}")


def _count(number: int) -> str:
    return f"{number} compiled model{'' if number == 1 else 's'}"


def _to_json(one: "CachedModel") -> dict[str, Any]:
    return {
        "key": one.key,
        "model": one.model or None,
        "facts": dict(one.facts),
        "size_bytes": one.size_bytes,
        "last_used": _time(one).isoformat(timespec="seconds"),
        "is_in_use": one.is_in_use,
    }


def _to_row(one: "CachedModel") -> tuple[str, ...]:
    from ovglm.cli.columns import size_text

    used = _time(one).astimezone().strftime("%Y-%m-%d %H:%M")
    device = str(one.facts.get("device") or "?")
    busy = "in use" if one.is_in_use else ""
    return f"  {one.model or one.key}", device, size_text(one.size_bytes), used, busy


def _time(one: "CachedModel") -> datetime:
    return datetime.fromtimestamp(one.last_used, timezone.utc)
