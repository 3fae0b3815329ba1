"""`ovglm export`: the options of an export, and what a person sees of it."""

import json
import sys
import time
from argparse import ArgumentParser, Namespace, _ArgumentGroup
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from ovglm.errors import ExportError
from ovglm.recipe import DEVICES, Backup, HeadFormat, Recipe, WeightFormat, check_device
from ovglm.vision_facts import VisionWeights
from ovglm_export.calibrated.options import add_quality_options, calibration_file, chosen_quality

if TYPE_CHECKING:
    from ovglm.manifest import Manifest
    from ovglm_export.pipeline import ExportOptions

__all__ = ["EXAMPLES", "HELP", "add_arguments", "run"]

HELP = "convert a GLM checkpoint to OpenVINO IR with INT4 or INT8 weights"

EXAMPLES = """\
  ovglm export ./glm-4-9b-chat-hf -o glm4-int4           INT4 for CPU, GPU and NPU
  ovglm export ./glm-edge-1.5b-chat -o edge --device NPU  checked for the NPU before it starts
  ovglm export ./glm-4-9b-chat -o glm4-int8 --weights int8
  ovglm export ./GLM-4-9B-0414 -o mixed --ratio 0.8 --backup int8_sym
  ovglm export ./glm-edge-4b-chat --device NPU --compile  leaves nothing for the first load
  ovglm export zai-org/GLM-4-9B-0414 --stream            where the disk cannot hold 19 GB
  ovglm export nano -o nano-int4                          the miniature that ships with ovglm
"""
# From this size on Intel's NPU guide finds one scale per channel faster than groups of 128.
_LARGE_FOR_NPU = 5_000_000_000
# A tenth of the layers' weights in INT8 makes a folder about 8 % larger.
_BEST_RATIO = 0.9


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the options of `ovglm export`."""
    from ovglm.cli.model_arguments import add_offline_argument

    add = parser.add_argument
    text = "a checkpoint folder, a name of `ovglm models`, or a hub's ORG/NAME, which is pulled"
    add("model", metavar="MODEL", help=text)
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
    text = (
        "how long to measure in the end how far the model is from the checkpoint (default: quick)"
    )
    add("--verify", choices=("none", "quick", "full"), help=text)
    add_offline_argument(parser)
    _add_weight_options(parser.add_argument_group("weights"))
    add_quality_options(parser.add_argument_group("quality of INT4"))
    _add_hub_options(parser.add_argument_group("a hub's model"))


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
    text = "share of the layers' weights in INT4 (default: 1.0; best for CPU or GPU: 0.9)"
    add("--ratio", type=float, metavar="R", help=text)
    text = "the format of the rest, the embedding and the head (default: %(default)s)"
    add("--backup", choices=get_args(Backup), default=default.backup, help=text)
    text = "int4: the last matrix in INT4 too (default: %(default)s, the backup format)"
    add("--lm-head", choices=get_args(HeadFormat), default=default.lm_head, help=text)
    text = "the format of the tower of a model that takes pictures (default: int8)"
    add("--vision-weights", choices=get_args(VisionWeights), help=text)


def _add_hub_options(group: _ArgumentGroup) -> None:
    """Describe where a model comes from that is not here."""
    from ovglm.hub import HUBS

    add = group.add_argument
    text = "fetch one layer at a time and keep none: needs less disk than to pull the model first"
    add("--stream", action="store_true", help=text)
    add("--source", choices=HUBS, help=f"the hub to stream from (default: {HUBS[0]})")
    text = "a branch, a tag or a commit to stream (default: the newest commit)"
    add("--revision", metavar="REV", help=text)


@dataclass(frozen=True)
class _Job:
    """What is exported under which name to where, and the function that does it."""

    name: str
    output: Path
    export: "Callable[[ExportOptions], Manifest]"


def run(options: Namespace) -> int:
    """Export, then say what was made."""
    from ovglm_export.ahead_of_time import check_compile, compile_for

    job = _stream_job(options) if options.stream else _folder_job(options)
    output = job.output
    if options.compile:
        check_compile(options.device)
    start = time.perf_counter()
    manifest = _export(job, options)
    seconds = time.perf_counter() - start
    if options.compile:
        print(compile_for(output, options.device), file=sys.stderr)
    if options.json:
        print(json.dumps(_result(manifest, output, seconds), ensure_ascii=False))
    else:
        _print_summary(manifest, output, seconds)
    return 0


def _folder_job(options: Namespace) -> _Job:
    """Export a folder; a hub's model is pulled first."""
    from ovglm.hub import get_model
    from ovglm.store import export_folder
    from ovglm_export.pipeline import export_checkpoint

    for option in ("source", "revision"):
        if getattr(options, option) is not None:
            raise ExportError(
                f"--{option} goes with --stream only", f"ovglm pull {options.model} --{option} …"
            )
    model = get_model(options.model, offline=options.offline)
    if model.is_exported:
        raise ExportError(
            f"{model.folder} is an exported folder, not a checkpoint",
            f'ovglm run {model.folder} "Hello"',
        )
    recipe = choose_recipe(options, model.folder)
    output = export_folder(model, recipe)
    if options.vision_weights:
        output = output.with_name(f"{output.name}-vision-{options.vision_weights}")
    output = Path(options.output) if options.output else output
    return _Job(model.name, output, partial(export_checkpoint, model.folder, output, recipe))


def _stream_job(options: Namespace) -> _Job:
    """Export a hub's model layer by layer."""
    from ovglm.hub.settings import hub_address, show_host
    from ovglm.sizes import size_text
    from ovglm.store import exports_folder
    from ovglm_export import streaming

    def say(found: streaming.Forecast) -> None:
        print(
            f"{size_text(found.fetched_bytes)} to fetch, layer by layer; "
            f"this takes up to {size_text(found.disk_bytes)} of disk",
            file=sys.stderr,
        )

    if options.verify in ("quick", "full"):
        raise ExportError(
            f"--verify {options.verify} reads the checkpoint once more, and --stream keeps none",
            "leave out --verify, or --stream",
        )
    if options.offline:
        raise ExportError(
            "--stream asks a hub, and --offline forbids it", "leave out --stream, or --offline"
        )
    streaming.refuse_local(options.model)
    host = show_host(hub_address(options.source or "huggingface"))
    print(f"asking {host} for {options.model}", file=sys.stderr, flush=True)
    remote = streaming.find_streamable(options.model, options.source, options.revision)
    with streaming.config_folder(remote) as folder:
        recipe = choose_recipe(options, folder)
    name = f"{remote.name}-{recipe.name}-{remote.revision[:8]}"
    output = Path(options.output) if options.output else exports_folder() / name
    export = partial(streaming.stream_checkpoint, remote, output, recipe, say=say)
    return _Job(remote.name, output, export)


def _export(job: _Job, options: Namespace) -> "Manifest":
    """Export with a bar per stage."""
    from ovglm.progress import show_progress
    from ovglm_export.pipeline import ExportOptions

    with show_progress() as progress:
        told = ExportOptions(
            device=options.device,
            force=options.force,
            exporter=options.exporter,
            name=job.name,
            verify=options.verify or ExportOptions.verify,
            calibration=calibration_file(options),
            vision_weights=options.vision_weights,
            progress=progress,
        )
        try:
            return job.export(told)
        except KeyboardInterrupt:
            print("ovglm: the finished parts are kept; the same command goes on", file=sys.stderr)
            raise


def choose_recipe(options: Namespace, folder: Path) -> Recipe:
    """Make the recipe from the options; the NPU gets one scale per channel for large models."""
    recipe = Recipe(
        weights=options.weights,
        group_size=options.group_size if options.group_size is not None else Recipe.group_size,
        symmetric=options.symmetric is not False,
        ratio=_choose_ratio(options),
        backup=options.backup,
        lm_head=options.lm_head,
        **chosen_quality(options),
    )
    check_device(options.device, recipe)
    if options.device == "NPU" and options.group_size is None:
        from ovglm_export.checkpoint import read_architecture

        if read_architecture(folder).parameters > _LARGE_FOR_NPU:
            print("more than 5 B weights: one scale per channel for the NPU", file=sys.stderr)
            return replace(recipe, group_size=-1)
    return recipe


def _choose_ratio(options: Namespace) -> float:
    """Let the best preset keep the worst tenth from INT4, where no NPU has to run it.

    Without --device the export is to be legal everywhere, and so it stays all INT4.
    """
    if options.ratio is not None:
        return options.ratio
    if options.quality == "best" and options.device in ("CPU", "GPU"):
        return _BEST_RATIO
    return Recipe.ratio


def _result(manifest: "Manifest", output: Path, seconds: float) -> dict[str, Any]:
    """Return the JSON object of a finished export."""
    return {"output": str(output), "seconds": round(seconds, 1), **asdict(manifest)}


def _print_summary(manifest: "Manifest", output: Path, seconds: float) -> None:
    """Say in a few lines what was made, how good it is, and what to do with it."""
    legal = [device for device, reason in manifest.devices.items() if not reason]
    for note in manifest.notes:
        print(note, file=sys.stderr)
    print(
        f"{manifest.model}: {manifest.recipe.name}, {manifest.size_bytes / 1e6:,.0f} MB "
        f"in {seconds:.0f} s, for {', '.join(legal)}"
    )
    if manifest.verification:
        from ovglm_export.verify.report import summary

        print(f"against the checkpoint: {summary(manifest.verification)}")
    question = '"What is this?" --image PICTURE' if manifest.vision else '"Hello"'
    hint = f"run {output} {question}"
    print(f"{output}\ntry: ovglm {hint}")
