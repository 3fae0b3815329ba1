"""`ovglm export`: the options of an export, and what a person sees of it."""

import json
import sys
import time
from argparse import ArgumentParser, Namespace, _ArgumentGroup
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from ovglm.errors import ExportError
from ovglm.recipe import DEVICES, Backup, HeadFormat, Recipe, WeightFormat, check_device

if TYPE_CHECKING:
    from ovglm.manifest import Manifest
    from ovglm.store import Model

__all__ = ["EXAMPLES", "HELP", "add_arguments", "run"]

HELP = "convert a GLM checkpoint to OpenVINO IR with INT4 or INT8 weights"

EXAMPLES = """\
  ovglm export ./glm-4-9b-chat-hf -o glm4-int4           INT4 for CPU, GPU and NPU
  ovglm export ./glm-edge-1.5b-chat -o edge --device NPU  checked for the NPU before it starts
  ovglm export ./glm-4-9b-chat -o glm4-int8 --weights int8
  ovglm export ./GLM-4-9B-0414 -o mixed --ratio 0.8 --backup int8_sym
  ovglm export ./glm-edge-4b-chat --device NPU --compile  leaves nothing for the first load
  ovglm export nano -o nano-int4                          the miniature that ships with ovglm
"""
# From this size on Intel's NPU guide finds one scale per channel faster than groups of 128.
_LARGE_FOR_NPU = 5_000_000_000


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the options of `ovglm export`."""
    add = parser.add_argument
    add("model", metavar="MODEL", help="a checkpoint folder, or a name of `ovglm list`")
    add("-o", "--output", metavar="DIR", help="the folder to write (default: in ovglm's store)")
    add("--force", action="store_true", help="replace a finished export in the output folder")
    add("--json", action="store_true", help="print the manifest as one JSON object at the end")
    devices = (*DEVICES, "ANY")
    text = "choose and check the recipe for a device (default: legal on all three)"
    add("--device", choices=devices, default="ANY", help=text)
    text = "compile for --device at once, where it is present, so that the first load is quick"
    add("--compile", action="store_true", help=text)
    text = "optimum goes through optimum-intel, for comparison (default: native)"
    add("--exporter", choices=("native", "optimum"), default="native", help=text)
    _add_weight_options(parser.add_argument_group("weights"))


def _add_weight_options(group: _ArgumentGroup) -> None:
    """Describe the recipe; its dataclass holds the defaults."""
    add, default = group.add_argument, Recipe()
    text = "the format of the matrices (default: %(default)s); bf16 keeps the checkpoint's own type"
    add("--weights", choices=get_args(WeightFormat), default=default.weights, help=text)
    text = f"INT4 weights that share a scale; -1: a whole row (default: {default.group_size})"
    add("--group-size", type=int, metavar="N", help=text)
    text = "symmetric, without zero points (default)"
    either = group.add_mutually_exclusive_group().add_argument
    either("--sym", action="store_true", default=None, dest="symmetric", help=text)
    text = "asymmetric: closer to the original, not for the NPU"
    either("--asym", action="store_false", default=None, dest="symmetric", help=text)
    text = "share of the layers' weights in INT4 (default: %(default)s)"
    add("--ratio", type=float, default=default.ratio, metavar="R", help=text)
    text = "the format of the rest, the embedding and the head (default: %(default)s)"
    add("--backup", choices=get_args(Backup), default=default.backup, help=text)
    text = "int4: the last matrix in INT4 too (default: %(default)s, the backup format)"
    add("--lm-head", choices=get_args(HeadFormat), default=default.lm_head, help=text)


def run(options: Namespace) -> int:
    """Export, then say what was made."""
    from ovglm.store import export_folder, find_model
    from ovglm_export.ahead_of_time import check_compile, compile_for

    model = find_model(options.model)
    if model.is_exported:
        raise ExportError(
            f"{model.folder} is an exported folder, not a checkpoint",
            f'ovglm run {model.folder} "Hello"',
        )
    recipe = choose_recipe(options, model.folder)
    if options.compile:
        check_compile(options.device)
    output = Path(options.output) if options.output else export_folder(model, recipe)
    start = time.perf_counter()
    manifest = _export(model, output, recipe, options)
    seconds = time.perf_counter() - start
    if options.compile:
        print(compile_for(output, options.device), file=sys.stderr)
    if options.json:
        print(json.dumps(_result(manifest, output, seconds), ensure_ascii=False))
    else:
        _print_summary(manifest, output, seconds)
    return 0


def _export(model: "Model", output: Path, recipe: Recipe, options: Namespace) -> "Manifest":
    """Export with a bar per stage."""
    from ovglm.progress import show_progress
    from ovglm_export.pipeline import ExportOptions, export_checkpoint

    with show_progress() as progress:
        told = ExportOptions(
            device=options.device,
            force=options.force,
            exporter=options.exporter,
            name=model.name,
            progress=progress,
        )
        try:
            return export_checkpoint(model.folder, output, recipe, told)
        except KeyboardInterrupt:
            print("ovglm: the finished parts are kept; the same command goes on", file=sys.stderr)
            raise


def choose_recipe(options: Namespace, folder: Path) -> Recipe:
    """Make the recipe from the options; the NPU gets one scale per channel for large models."""
    recipe = Recipe(
        weights=options.weights,
        group_size=options.group_size if options.group_size is not None else Recipe.group_size,
        symmetric=options.symmetric is not False,
        ratio=options.ratio,
        backup=options.backup,
        lm_head=options.lm_head,
    )
    check_device(options.device, recipe)
    if options.device == "NPU" and options.group_size is None:
        from ovglm_export.checkpoint import open_checkpoint

        if open_checkpoint(folder).architecture.parameters > _LARGE_FOR_NPU:
            print("more than 5 B weights: one scale per channel for the NPU", file=sys.stderr)
            return replace(recipe, group_size=-1)
    return recipe


def _result(manifest: "Manifest", output: Path, seconds: float) -> dict[str, Any]:
    """Return the JSON object of a finished export."""
    return {"output": str(output), "seconds": round(seconds, 1), **asdict(manifest)}


def _print_summary(manifest: "Manifest", output: Path, seconds: float) -> None:
    """Say in three lines what was made, and what to do with it."""
    legal = [device for device, reason in manifest.devices.items() if not reason]
    for note in manifest.notes:
        print(note, file=sys.stderr)
    print(
        f"{manifest.model}: {manifest.recipe.name}, {manifest.size_bytes / 1e6:,.0f} MB "
        f"in {seconds:.0f} s, for {', '.join(legal)}"
    )
    print(f'{output}\ntry: ovglm run {output} "Hello"')
