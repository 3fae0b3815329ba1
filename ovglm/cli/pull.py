"""`ovglm pull`: brings a model of a hub into the store, just the files that are needed."""

import json
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ovglm.hub.record import PulledModel

__all__ = ["EXAMPLES", "HELP", "add_arguments", "run"]

HELP = "fetch a model from Hugging Face or ModelScope, just the files that are needed"

EXAMPLES = """\
  ovglm pull glm-edge-1.5b-chat
  ovglm pull zai-org/GLM-4-9B-0414 --revision main
  ovglm pull glm-4-9b-chat-hf --source modelscope
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the options of `ovglm pull`."""
    from ovglm.hub import HUBS

    add = parser.add_argument
    add("model", metavar="NAME|ORG/NAME", help="a name of `ovglm models`, or a hub's repository")
    text = (
        "the hub (default: %(default)s); HF_TOKEN or `hf auth login` opens gated models, "
        "HF_ENDPOINT names a mirror, as MODELSCOPE_API_TOKEN and MODELSCOPE_ENDPOINT do there"
    )
    add("--source", choices=HUBS, default=HUBS[0], help=text)
    text = "a branch, a tag or a commit (default: the newest commit)"
    add("--revision", metavar="REV", help=text)
    add("--offline", action="store_true", help="ask no hub: say where the model is, if here")
    add("--json", action="store_true", help="print one JSON object at the end")


def run(options: Namespace) -> int:
    """Pull, check what is no checkpoint but finished IR, and say where it is."""
    from ovglm.hub import pull_aloud

    pulled = pull_aloud(
        options.model,
        source=options.source,
        revision=options.revision,
        offline=options.offline,
    )
    if pulled.kind == "ir":
        from ovglm.devices import read_facts

        read_facts(pulled.folder)  # the preflight's own reading: refuses what could not run
    if options.json:
        print(json.dumps(_to_json(pulled), ensure_ascii=False))
        return 0
    print(f"{pulled.repo} at {pulled.revision[:12]}\n{pulled.folder}")
    print(f'try: ovglm run {_short_name(pulled)} "Hello"')
    return 0


def _short_name(pulled: "PulledModel") -> str:
    from ovglm.models import find_entry

    entry = find_entry(pulled.repo)
    return entry.name if entry else pulled.repo


def _to_json(pulled: "PulledModel") -> dict[str, str]:
    return {
        "folder": str(pulled.folder),
        "source": pulled.source,
        "repo": pulled.repo,
        "revision": pulled.revision,
        "followed": pulled.followed,
        "kind": pulled.kind,
    }
