"""`ovglm verify`: how far an exported folder is from its checkpoint."""

import errno
import json
import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ovglm.errors import FolderError, OvglmError

if TYPE_CHECKING:
    from ovglm.verification import Verification

__all__ = ["EXAMPLES", "HELP", "add_arguments", "run"]

HELP = "measure how far an exported folder is from its checkpoint"

EXAMPLES = """\
  ovglm verify ./glm4-int4 --against ./glm-4-9b-chat-hf
  ovglm verify ./nano-int4                    nano ships with ovglm, so it is found
  ovglm verify ./glm4-int4 --against ./glm-4-9b-chat-hf --plot layers.png
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the options of `ovglm verify`."""
    from ovglm.cli.model_arguments import add_offline_argument

    add = parser.add_argument
    add("folder", metavar="DIR", help="an exported folder, or the name of one in the store")
    text = (
        "its checkpoint: a folder, `nano`, or a name or a hub's ORG/NAME, which is pulled "
        "(default: looked for by what the manifest names)"
    )
    add("--against", metavar="CHECKPOINT", help=text)
    add_offline_argument(parser)
    text = "the beginning of one text per language and kind, as an export does it itself"
    add("--quick", action="store_true", help=text)
    text = "do not round the export's activations, which is the CPU's own way; only weights count"
    add("--exact", action="store_true", help=text)
    add("--plot", type=Path, metavar="FILE", help="draw each layer's error as PNG (extra `bench`)")
    add("--json", action="store_true", help="print one JSON object instead of the table")


def run(options: Namespace) -> int:
    """Verify, keep the figures in the manifest, and show them."""
    from ovglm.hub import get_model
    from ovglm.store import find_model

    _check_plot(options.plot)
    model = find_model(options.folder)
    against = get_model(options.against, offline=options.offline) if options.against else None
    if against and against.is_exported:
        raise FolderError(
            f"--against {options.against} is an exported folder, not a checkpoint",
            f"ovglm verify {options.folder} --against CHECKPOINT",
        )
    if not model.is_exported:
        raise FolderError(
            f"{model.folder} is a checkpoint, not an exported folder",
            f"ovglm export {options.folder}",
        )
    start = time.perf_counter()
    found = _verify(model.folder, against.folder if against else None, options)
    seconds = time.perf_counter() - start
    _keep(model.folder, found)
    if options.plot:
        from ovglm_export.verify.plot import save_plot

        save_plot(found, model.name, options.plot)
    if options.json:
        result = {"folder": str(model.folder), "seconds": round(seconds, 1), **asdict(found)}
        print(json.dumps(result, ensure_ascii=False))
    else:
        from rich.console import Console

        from ovglm_export.verify.report import print_verification

        print_verification(found, Console(highlight=False))
    return 0


def _verify(folder: Path, against: Path | None, options: Namespace) -> "Verification":
    """Find the checkpoint, and hold the folder against it."""
    from ovglm.engine.integrity import check_integrity
    from ovglm.manifest import FILE_NAME
    from ovglm.progress import show_progress
    from ovglm_export.tokenizer import stop_ids
    from ovglm_export.verify.source import find_checkpoint
    from ovglm_export.verify.verifying import VerifyOptions, verify_folder

    if (folder / FILE_NAME).is_file():
        for note in check_integrity(folder, _say):
            _say(note)
    with show_progress() as progress:
        checkpoint = find_checkpoint(folder, against, progress)
        told = VerifyOptions("quick" if options.quick else "full", options.exact, progress)
        try:
            return verify_folder(checkpoint, folder, stop_ids(checkpoint.folder), told)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            place = tempfile.gettempdir()
            raise OvglmError(
                f"the disk at {place} has no room for hidden states and logits: {error.strerror}",
                "free some space, set TMPDIR to another disk, or add --quick",
            ) from error


def _keep(folder: Path, found: "Verification") -> None:
    """Keep the figures in the manifest, where there is one that may be written."""
    from ovglm.manifest import FILE_NAME, read_manifest, write_manifest

    if not (folder / FILE_NAME).is_file():
        _say(f"{folder} has no {FILE_NAME}, so the figures are not kept")
        return
    try:
        write_manifest(folder, replace(read_manifest(folder), verification=found))
    except OSError as error:
        _say(f"the figures are not kept in {folder / FILE_NAME}: {error.strerror}")


def _check_plot(path: Path | None) -> None:
    """Refuse before the work a chart that could not be drawn."""
    if path is None:
        return
    if not path.absolute().parent.is_dir():
        raise OvglmError(
            f"--plot {path}: there is no folder {path.absolute().parent}", f"--plot {path.name}"
        )
    from ovglm.bench.plot import require_matplotlib

    require_matplotlib()


def _say(text: str) -> None:
    print(text, file=sys.stderr)
