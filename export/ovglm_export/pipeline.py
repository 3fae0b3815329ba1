"""The steps of an export in order: check, tokenizer, compress, join, golden tokens, manifest."""

import hashlib
import json
import shutil
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Literal

from ovglm.dialects import guess_dialect
from ovglm.errors import ExportError, OvglmError
from ovglm.manifest import FileSum, Golden, Manifest, Source, file_sha256, write_manifest
from ovglm.progress import Progress, Silence
from ovglm.recipe import DEVICES, Recipe, check_device, illegal_on
from ovglm.template import find_template
from ovglm.tokens import Tokenizer
from ovglm_export.census import count_matrices
from ovglm_export.checkpoint import Checkpoint, open_checkpoint
from ovglm_export.config_writer import write_config
from ovglm_export.golden import GOLDEN_TEXTS, GoldenPrompts, make_golden
from ovglm_export.native import join_spooled, plan_matrices, spool_parts
from ovglm_export.optimum import check_optimum, write_model_with_optimum
from ovglm_export.plan import Plan, make_plan
from ovglm_export.spool import Spool
from ovglm_export.tokenizer import export_tokenizer, stop_ids
from ovglm_export.workspace import (
    Workspace,
    check_disk,
    check_output,
    open_workspace,
    recover_output,
    refuse_full_disk,
)

__all__ = ["ExportOptions", "export_checkpoint"]

_MODEL = "openvino_model.xml"
_LIBRARIES = ("ovglm", "openvino", "openvino-tokenizers", "nncf", "transformers")


@dataclass(frozen=True)
class ExportOptions:
    """What an export can be told beside the recipe.

    device: the recipe is checked against it; ANY asks for nothing.
    force: replace a finished export. name, repo, revision: what the manifest says of the source.
    """

    device: str = "ANY"
    force: bool = False
    exporter: Literal["native", "optimum"] = "native"
    name: str | None = None
    repo: str | None = None
    revision: str | None = None
    progress: Progress = field(default_factory=Silence)


def export_checkpoint(
    source: Path, output: Path, recipe: Recipe, options: ExportOptions | None = None
) -> Manifest:
    """Export a checkpoint folder to an OpenVINO folder and return its manifest.

    Everything that can be refused is refused before anything is written. A killed export goes on
    where it stopped when it is called again. Raises OvglmError.
    """
    options = options or ExportOptions()
    source, output = source.resolve(), output.resolve()
    if output in (source, *source.parents):
        raise ExportError(f"{output} holds the checkpoint itself", "give another folder with -o")
    recover_output(output)
    check_output(output, options.force)
    checkpoint = open_checkpoint(source)
    rough = make_plan(checkpoint.architecture, recipe)
    check_device(options.device, recipe, rough.group_sizes)
    if options.exporter == "optimum":
        check_optimum(checkpoint, recipe)
    size = checkpoint.size_bytes if recipe.weights == "bf16" else rough.size_bytes()
    check_disk(output, size)
    with open_workspace(output) as space:
        try:
            manifest = _Export(checkpoint, recipe, options, space).run()
        except OvglmError:
            space.discard()
            raise
        except (OSError, RuntimeError) as error:
            refuse_full_disk(output, size, error)
            raise
        space.finish()
    return manifest


class _Export:
    """One export under way."""

    def __init__(
        self, checkpoint: Checkpoint, recipe: Recipe, options: ExportOptions, space: Workspace
    ) -> None:
        self._checkpoint = checkpoint
        self._recipe = recipe
        self._options = options
        self._space = space
        self._versions = {name: metadata.version(name) for name in _LIBRARIES}

    def run(self) -> Manifest:
        """Take all steps but the last: a finished folder in the workspace."""
        folder, source = self._space.model, self._checkpoint.folder
        # Only the spool goes on after a kill: no file of another source may stay here.
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        stops = stop_ids(source)
        dialect = guess_dialect(find_template(source), self._checkpoint.config)
        hasher = ThreadPoolExecutor(1)
        try:
            sums = {file: hasher.submit(_sum, file) for file in _source_files(source)}
            self._options.progress.stage("tokenizer", 1)
            export_tokenizer(source, folder)
            self._options.progress.advance()
            write_config(self._checkpoint, folder, stops)
            if self._options.exporter == "optimum":
                plan, golden = self._through_optimum(folder)
            else:
                plan, golden = self._natively(folder, stops)
            manifest = self._manifest(plan, golden, (dialect, stops), sums)
        finally:
            hasher.shutdown(cancel_futures=True)
        write_manifest(folder, manifest)
        return manifest

    def _natively(self, folder: Path, stops: tuple[int, ...]) -> tuple[Plan, tuple[Golden, ...]]:
        """Compress layer by layer, join, and run the parts for golden tokens."""
        progress = self._options.progress
        spool = Spool(self._space.spool, self._key())
        plan = plan_matrices(self._checkpoint, self._recipe, spool, progress)
        spool_parts(self._checkpoint, plan, spool, progress)
        progress.stage("join", 1)
        join_spooled(self._checkpoint, spool, plan, folder / _MODEL)
        progress.advance()
        asked = GoldenPrompts(_golden_prompts(folder), stops)
        layers = self._checkpoint.architecture.layers
        return plan, make_golden(spool, layers, plan.size_bytes(), asked, progress)

    def _through_optimum(self, folder: Path) -> tuple[Plan, tuple[Golden, ...]]:
        """Let optimum-intel write the model; there are no parts to run for golden tokens."""
        self._options.progress.stage("optimum", 1)
        write_model_with_optimum(self._checkpoint.folder, folder, self._recipe)
        self._options.progress.advance()
        self._versions["optimum-intel"] = metadata.version("optimum-intel")
        return make_plan(self._checkpoint.architecture, self._recipe), ()

    def _manifest(
        self,
        plan: Plan,
        golden: tuple[Golden, ...],
        speech: tuple[str, tuple[int, ...]],
        sums: dict[Path, Future[FileSum]],
    ) -> Manifest:
        """Say what was made."""
        source, folder = self._checkpoint.folder, self._space.model
        options, arch = self._options, self._checkpoint.architecture
        options.progress.stage("checksums", 2)
        source_sums = {file.name: one.result() for file, one in sums.items()}
        options.progress.advance()
        files = {file.name: _sum(file) for file in sorted(folder.iterdir()) if file.is_file()}
        options.progress.advance()
        matrices, groups = count_matrices(folder / _MODEL)
        name = options.name or source.name
        return Manifest(
            model=name,
            family=arch.family,
            dialect=speech[0],
            exporter=options.exporter,
            context_length=arch.max_positions,
            stop_ids=speech[1],
            source=Source(name, source_sums, options.repo, options.revision),
            recipe=self._recipe,
            devices={one: illegal_on(one, self._recipe, groups) for one in DEVICES},
            matrices=matrices,
            notes=plan.notes,
            golden=golden,
            files=files,
            versions=self._versions,
        )

    def _key(self) -> str:
        """Name everything that the spooled parts depend on."""
        stats = [(file, file.stat()) for file in _source_files(self._checkpoint.folder)]
        facts = [
            self._recipe.to_dict(),
            self._versions,
            [(file.name, stat.st_size, stat.st_mtime_ns) for file, stat in stats],
        ]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _golden_prompts(folder: Path) -> tuple[tuple[int, ...], ...]:
    """Encode the fixed texts."""
    tokenizer = Tokenizer.load(folder)
    return tuple(tuple(tokenizer.encode(text, allow_special=False)) for text in GOLDEN_TEXTS)


def _source_files(folder: Path) -> list[Path]:
    """List the files that make up a source; Python files and other formats do not count."""
    kinds = ("*.safetensors", "*.json", "*.jinja", "tokenizer.model")
    return sorted(file for kind in kinds for file in folder.glob(kind) if file.is_file())


def _sum(file: Path) -> FileSum:
    """Sum up a file."""
    return FileSum(file.stat().st_size, file_sha256(file))
