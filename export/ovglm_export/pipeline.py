"""The steps of an export in order: check, tokenizer, compress, join, verify, manifest."""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from ovglm.dialects import guess_dialect
from ovglm.errors import ExportError, OvglmError
from ovglm.hub.record import PulledModel, read_record
from ovglm.hub.remote import RemoteModel
from ovglm.manifest import FileSum, Golden, Manifest, Source, file_sha256, write_manifest
from ovglm.progress import Progress, Silence
from ovglm.recipe import DEVICES, Recipe, check_device, illegal_on
from ovglm.stored_sources import keep_source
from ovglm.template import find_template
from ovglm.verification import Level, Verification
from ovglm.vision_facts import LANGUAGE_FILE, VisionWeights
from ovglm_export.calibrated.job import CalibratedExport, check_calibrated, states_bytes
from ovglm_export.calibrated.layers import spool_calibrated
from ovglm_export.calibrated.planning import plan_calibrated
from ovglm_export.census import count_matrices
from ovglm_export.checkpoint import Checkpoint, open_checkpoint
from ovglm_export.config_writer import write_config
from ovglm_export.golden import GoldenPrompts, make_golden
from ovglm_export.native import join_spooled, plan_matrices, spool_parts
from ovglm_export.optimum import check_optimum, write_model_with_optimum
from ovglm_export.plan import Plan, make_plan
from ovglm_export.spool import Spool
from ovglm_export.tokenizer import export_tokenizer, stop_ids
from ovglm_export.verify.verifying import VerifyOptions, verify_folder
from ovglm_export.versions import library_version, library_versions
from ovglm_export.vision.export import plan_vision
from ovglm_export.weights import Weights, list_sources
from ovglm_export.workspace import (
    Workspace,
    check_disk,
    check_output,
    open_workspace,
    recover_output,
    refuse_full_disk,
)

__all__ = ["MODEL_FILE", "Export", "ExportOptions", "export_checkpoint"]

MODEL_FILE = "openvino_model.xml"
_GOLDEN = "golden"
Origin = PulledModel | RemoteModel


@dataclass(frozen=True)
class ExportOptions:
    """What an export can be told beside the recipe.

    device: the recipe is checked against it; ANY asks for nothing.
    force: replace a finished export. name: what the manifest calls the model. origin: the hub and
    commit of a source that is no pulled folder, which says so itself. verify: how the model is held
    against the checkpoint in the end, where that stays on the disk. calibration: the user's own
    text, which the recipe names; None where it names the built-in set. vision_weights: how the
    matrices of a vision tower are stored; None means INT8, and goes with a model that has none.
    """

    device: str = "ANY"
    force: bool = False
    exporter: Literal["native", "optimum"] = "native"
    name: str | None = None
    origin: Origin | None = None
    verify: Level | Literal["none"] = "quick"
    calibration: Path | None = None
    vision_weights: VisionWeights | None = None
    progress: Progress = field(default_factory=Silence)


def export_checkpoint(
    source: Path, output: Path, recipe: Recipe, options: ExportOptions | None = None
) -> Manifest:
    """Export a checkpoint folder to an OpenVINO folder and return its manifest.

    Everything that can be refused is refused before anything is written. A killed export goes on
    where it stopped when it is called again. Raises OvglmError.
    """
    source, output = source.resolve(), output.resolve()
    options = options or ExportOptions()
    if output in (source, *source.parents):
        raise ExportError(f"{output} holds the checkpoint itself", "give another folder with -o")
    recover_output(output)
    check_output(output, options.force)
    checkpoint = open_checkpoint(source)
    rough = make_plan(checkpoint.architecture, recipe)
    check_device(options.device, recipe, rough.group_sizes)
    if options.exporter == "optimum":
        check_optimum(checkpoint, recipe)
    vision = plan_vision(checkpoint, options.vision_weights)
    size = checkpoint.size_bytes if recipe.weights == "bf16" else rough.size_bytes()
    size += vision.size_bytes if vision else 0
    states = states_bytes(checkpoint.architecture, recipe)
    check_calibrated(recipe, options.calibration)
    most = 2 * size  # the spool and the joined model lie on the disk together
    check_disk(output, most, states)
    most += states
    with keep_source(source), open_workspace(output) as space:
        try:
            manifest = Export(checkpoint, recipe, options, space).run(_LocalWeights(checkpoint))
        except OvglmError:
            space.discard()
            raise
        except (OSError, RuntimeError) as error:
            refuse_full_disk(output, most, error)
            raise
        space.finish()
    return manifest


class _LocalWeights:
    """The weights of a checkpoint whose files lie in its folder."""

    stay = True

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._checkpoint = checkpoint

    def facts(self) -> list[object]:
        """Name each file with its size and the time of its last change."""
        stats = [(file.name, file.stat()) for file in list_sources(self._checkpoint.folder)]
        return [(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats]

    @contextmanager
    def sums(self) -> Iterator[Callable[[], dict[str, FileSum]]]:
        """Sum the files in a thread."""
        hasher = ThreadPoolExecutor(1)
        try:
            files = list_sources(self._checkpoint.folder)
            found = {file.name: hasher.submit(sum_file, file) for file in files}
            yield lambda: {name: one.result() for name, one in found.items()}
        finally:
            hasher.shutdown(cancel_futures=True)

    def spool_parts(self, plan: Plan, spool: Spool, progress: Progress) -> None:
        """Make the parts in the order of the graph."""
        spool_parts(self._checkpoint, plan, spool, progress)

    def join(self, plan: Plan, spool: Spool, path: Path) -> None:
        """Join the spooled parts, which stay as they are."""
        join_spooled(self._checkpoint, spool, plan, path)


class Export:
    """One export under way."""

    def __init__(
        self, checkpoint: Checkpoint, recipe: Recipe, options: ExportOptions, space: Workspace
    ) -> None:
        self._checkpoint = checkpoint
        self._recipe = recipe
        self._options = options
        self._space = space
        self._versions = library_versions(recipe)
        self._vision = plan_vision(checkpoint, options.vision_weights)

    def run(self, weights: Weights) -> Manifest:
        """Take all steps but the last: a finished folder in the workspace."""
        folder, source = self._space.model, self._checkpoint.folder
        # Only the spool goes on after a kill: no file of another source may stay here.
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        stops = stop_ids(source)
        dialect = guess_dialect(find_template(source), self._checkpoint.config)
        with weights.sums() as wait_for_sums:
            self._options.progress.stage("tokenizer", 1)
            export_tokenizer(source, folder)
            self._options.progress.advance()
            write_config(self._checkpoint, folder, stops)
            if self._options.exporter == "optimum":
                plan, golden = self._through_optimum(folder)
            else:
                plan, golden = self._natively(weights, stops)
            verification = self._verify(weights, stops)
            manifest = self._manifest(plan, golden, (dialect, stops), wait_for_sums)
        manifest = replace(manifest, verification=verification)
        write_manifest(folder, manifest)
        return manifest

    def _natively(
        self, weights: Weights, stops: tuple[int, ...]
    ) -> tuple[Plan, tuple[Golden, ...]]:
        """Compress layer by layer, run the parts for golden tokens, and join them."""
        progress, folder = self._options.progress, self._space.model
        spool = Spool(self._space.spool, self._key(weights))
        if self._recipe.is_calibrated:
            plan = self._calibrate(spool)
        else:
            plan = plan_matrices(self._checkpoint, self._recipe, spool, progress)
            weights.spool_parts(plan, spool, progress)
        if self._vision:
            self._vision.spool(spool, progress)
        golden = self._golden(plan, spool, stops)
        progress.stage("join", 1)
        if self._vision:
            self._vision.write(spool, folder)
        # Last of what needs the parts: a join may take them away.
        weights.join(plan, spool, folder / (LANGUAGE_FILE if self._vision else MODEL_FILE))
        progress.advance()
        return plan, golden

    def _calibrate(self, spool: Spool) -> Plan:
        """Fit the parts to the calibration text."""
        text, folder = self._options.calibration, self._space.model
        job = CalibratedExport.load(self._checkpoint, self._recipe, text, folder)
        plan = plan_calibrated(job, spool, self._options.progress)
        spool_calibrated(job, plan, spool, self._options.progress)
        return plan

    def _golden(self, plan: Plan, spool: Spool, stops: tuple[int, ...]) -> tuple[Golden, ...]:
        """Run the parts for golden tokens, and keep them for a run that finds parts moved away."""
        noted = spool.noted(_GOLDEN)
        if isinstance(noted, list):
            return tuple(Golden(tuple(prompt), tuple(tokens)) for prompt, tokens in noted)
        asked = GoldenPrompts.of(self._space.model, stops)
        layers = self._checkpoint.architecture.layers
        golden = make_golden(spool, layers, plan.size_bytes(), asked, self._options.progress)
        spool.note(_GOLDEN, [(one.prompt, one.tokens) for one in golden])
        return golden

    def _verify(self, weights: Weights, stops: tuple[int, ...]) -> Verification | None:
        """Hold the model against the checkpoint."""
        if self._options.verify == "none" or not weights.stay:
            return None
        told = VerifyOptions(self._options.verify, progress=self._options.progress)
        space = self._space
        return verify_folder(self._checkpoint, space.model, stops, told, space.folder)

    def _through_optimum(self, folder: Path) -> tuple[Plan, tuple[Golden, ...]]:
        """Let optimum-intel write the model; there are no parts to run for golden tokens."""
        self._options.progress.stage("optimum", 1)
        write_model_with_optimum(self._checkpoint.folder, folder, self._recipe)
        self._options.progress.advance()
        self._versions["optimum-intel"] = library_version("optimum-intel")
        return make_plan(self._checkpoint.architecture, self._recipe), ()

    def _manifest(
        self,
        plan: Plan,
        golden: tuple[Golden, ...],
        speech: tuple[str, tuple[int, ...]],
        wait_for_sums: Callable[[], dict[str, FileSum]],
    ) -> Manifest:
        """Say what was made."""
        source, folder = self._checkpoint.folder, self._space.model
        options, arch = self._options, self._checkpoint.architecture
        options.progress.stage("checksums", 2)
        source_sums = wait_for_sums()
        options.progress.advance()
        files = {file.name: sum_file(file) for file in sorted(folder.iterdir()) if file.is_file()}
        options.progress.advance()
        graphs = self._vision.graphs(folder) if self._vision else [folder / MODEL_FILE]
        matrices, groups = count_matrices(*graphs)
        name, seen = options.name or source.name, self._vision.facts() if self._vision else None
        return Manifest(
            model=name,
            family=arch.family,
            dialect=speech[0],
            exporter=options.exporter,
            context_length=arch.max_positions,
            stop_ids=speech[1],
            source=_describe_source(name, source_sums, options.origin or read_record(source)),
            recipe=self._recipe,
            devices={
                one: illegal_on(one, self._recipe, groups) or (seen.illegal_on(one) if seen else "")
                for one in DEVICES
            },
            matrices=matrices,
            notes=plan.notes,
            golden=golden,
            files=files,
            versions=self._versions,
            vision=seen,
        )

    def _key(self, weights: Weights) -> str:
        """Name everything that the spooled parts depend on."""
        facts = [self._recipe.to_dict(), self._versions, weights.facts()]
        facts += [self._vision.weights] if self._vision else []
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _describe_source(name: str, sums: dict[str, FileSum], origin: Origin | None) -> Source:
    """Say where the weights came from."""
    if origin is None:
        return Source(name, sums)
    return Source(name, sums, origin.repo, origin.revision, origin.source, origin.followed)


def sum_file(file: Path) -> FileSum:
    """Sum up a file."""
    return FileSum(file.stat().st_size, file_sha256(file))
