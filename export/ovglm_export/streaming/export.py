"""The steps of an export that fetches one layer at a time: check, then as any other export."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from ovglm.errors import ExportError, HubError, OvglmError
from ovglm.hub import RemoteModel
from ovglm.manifest import Manifest
from ovglm.recipe import Recipe, check_device
from ovglm_export.checkpoint import Checkpoint
from ovglm_export.pipeline import MODEL_FILE, Export, ExportOptions
from ovglm_export.plan import make_plan
from ovglm_export.streaming.download import DownloadStage
from ovglm_export.streaming.moving import fetch_back
from ovglm_export.streaming.parts import find_parts
from ovglm_export.streaming.remote import open_remote, source_files
from ovglm_export.streaming.runs import find_runs
from ovglm_export.streaming.schedule import most_bytes
from ovglm_export.streaming.shelf import HELD, shard_sizes
from ovglm_export.streaming.weights import StreamedWeights
from ovglm_export.workspace import (
    Workspace,
    check_disk,
    check_output,
    open_workspace,
    recover_output,
    refuse_full_disk,
)

__all__ = ["Forecast", "check_streamable", "stream_checkpoint"]


@dataclass(frozen=True)
class Forecast:
    """What a streamed export takes: bytes to fetch, and bytes of disk."""

    fetched_bytes: int
    disk_bytes: int


def check_streamable(remote: RemoteModel, recipe: Recipe, options: ExportOptions) -> None:
    """Refuse what needs all weights at once, or twice."""
    if remote.kind != "checkpoint":
        raise ExportError(
            f"{remote.repo} holds OpenVINO IR already; there is nothing to export",
            f"ovglm pull {remote.repo}",
        )
    if options.exporter != "native":
        raise ExportError(
            f"--exporter {options.exporter} reads the whole checkpoint, so it cannot be streamed",
            "leave out --stream or --exporter",
        )
    if recipe.is_calibrated:
        raise ExportError(
            "calibration runs the layers in their order, and --stream takes them as they come",
            "leave out --stream, or use --quality fast",
        )
    if recipe.ratio < 1:
        raise ExportError(
            f"--ratio {recipe.ratio} compares all weights before the first is compressed, and "
            "--stream never has all of them",
            "leave out --stream, or --ratio",
        )


def stream_checkpoint(
    remote: RemoteModel,
    output: Path,
    recipe: Recipe,
    options: ExportOptions | None = None,
    say: Callable[[Forecast], None] = lambda _: None,
) -> Manifest:
    """Export a hub's checkpoint to an OpenVINO folder and return its manifest.

    The shards are fetched in the order of their bytes and held against the hub's checksums; on the
    disk are the tensors of one layer, and those that wait for another shard. What a folder's export
    refuses is refused before the first weight is fetched, but for NaN and Inf, which are found when
    a layer has come. The files are those of a folder's export. A killed export goes on where it
    stopped when it is called again. say: hears what it will take, once that is known.
    Raises OvglmError; after a HubError or a full disk the same call goes on.
    """
    options = options or ExportOptions()
    options = replace(options, name=options.name or remote.name, origin=remote)
    check_streamable(remote, recipe, options)
    output = output.resolve()
    recover_output(output)
    check_output(output, options.force)
    with open_workspace(output) as space:
        stage = DownloadStage(options.progress, sum(file.size for file in source_files(remote)))
        checkpoint, forecast = _prepare(remote, space, recipe, options, stage)
        for other in set(space.source.iterdir()) - {checkpoint.folder, space.source / HELD}:
            shutil.rmtree(other)  # of another commit, whose parts go too
        say(forecast)
        weights = StreamedWeights(remote, checkpoint, stage)
        try:
            manifest = Export(checkpoint, recipe, options, space).run(weights)
        except HubError:
            raise
        except OvglmError:
            space.discard()
            raise
        except (OSError, RuntimeError) as error:
            refuse_full_disk(output, forecast.disk_bytes, error)
            raise
        space.finish()
    return manifest


def _prepare(
    remote: RemoteModel,
    space: Workspace,
    recipe: Recipe,
    options: ExportOptions,
    stage: DownloadStage,
) -> tuple[Checkpoint, Forecast]:
    """Fetch the small files and check all that can be; a refusal costs no earlier work."""
    is_new = not space.spool.exists()
    try:
        fetch_back(space.spool, space.model / MODEL_FILE)
        checkpoint = open_remote(remote, space.source / remote.revision, stage)
        if checkpoint.vision is not None:
            raise ExportError(
                f"{remote.repo} takes pictures, and --stream exports models of text alone",
                f"ovglm pull {remote.repo}",
            )
        rough = make_plan(checkpoint.architecture, recipe)
        check_device(options.device, recipe, rough.group_sizes)
        sizes = shard_sizes(remote)
        parts = find_parts(checkpoint, rough)
        runs = find_runs(parts, checkpoint.tensors, sizes)
        most = most_bytes(parts, checkpoint.tensors, runs)
        most += sum(file.size for file in source_files(remote)) - sum(sizes.values())
        check_disk(space.output, most)
    except OvglmError:
        if is_new:
            space.discard()
        raise
    return checkpoint, Forecast(remote.size_bytes, most)
