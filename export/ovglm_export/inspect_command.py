"""`ovglm inspect`: what an exported folder says of itself, and whether that is so."""

import json
from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from ovglm.errors import FolderError

if TYPE_CHECKING:
    from rich.table import Table

    from ovglm.manifest import Manifest

__all__ = ["EXAMPLES", "HELP", "add_arguments", "run"]

HELP = "show what an exported folder holds, and check that it is intact"

EXAMPLES = """\
  ovglm inspect ./glm4-int4             source, recipe, devices, matrices, figures of `verify`
  ovglm inspect ./glm4-int4 --check     compare every file with its checksum
  ovglm inspect ./glm4-int4 --golden    run the golden prompts again on the CPU
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the options of `ovglm inspect`."""
    add = parser.add_argument
    add("folder", metavar="DIR", help="an exported folder")
    add("--check", action="store_true", help="compare every file with its checksum")
    add("--golden", action="store_true", help="run the golden prompts again on the CPU")
    add("--json", action="store_true", help="print the manifest as one JSON object")


def run(options: Namespace) -> int:
    """Show the manifest; with --check or --golden raise FolderError on the first difference."""
    from ovglm.manifest import check_files, read_manifest

    folder = Path(options.folder)
    manifest = read_manifest(folder)
    problems = check_files(folder, manifest) if options.check else []
    problems += _golden_problems(folder, manifest) if options.golden and not problems else []
    if options.json:
        print(json.dumps({**asdict(manifest), "problems": problems}, ensure_ascii=False))
    else:
        _print_manifest(folder, manifest)
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise FolderError(f"{folder}: {problems[0]}{more}", "export the model again with --force")
    if not options.json and options.check:
        print(f"all {len(manifest.files)} files are as they were exported")
    if not options.json and options.golden:
        print(f"all {len(manifest.golden)} golden prompts give the same tokens on the CPU")
    return 0


def _golden_problems(folder: Path, manifest: "Manifest") -> list[str]:
    """Generate each golden prompt's tokens again, in float32 on the CPU; list those that differ."""
    from contextlib import closing

    from ovglm.devices.options import RuntimeOptions
    from ovglm.engine.load import load_engine
    from ovglm.engine.selfcheck import check_golden

    exact = RuntimeOptions(
        precision="f32",
        kv_cache="f32",
        cache=False,
        properties=(("DYNAMIC_QUANTIZATION_GROUP_SIZE", "0"),),
    )
    with closing(load_engine(folder, "CPU", exact, say=lambda _: None)) as engine:
        return [str(problem) for problem in check_golden(engine, manifest.golden).mismatches]


def _print_manifest(folder: Path, manifest: "Manifest") -> None:
    """Print what it is, how its matrices are stored, and how far it is from the original."""
    from rich.console import Console

    from ovglm_export.verify.report import print_verification

    console = Console()
    console.print(_facts(folder, manifest))
    console.print(_matrices(manifest))
    if manifest.verification:
        console.print("\nagainst the checkpoint", style="italic")
        print_verification(manifest.verification, Console(highlight=False))


def _facts(folder: Path, manifest: "Manifest") -> "Table":
    """Make the table of facts."""
    from rich.table import Table

    source = manifest.source
    origin = f"{source.repo}@{source.revision}" if source.repo else source.name
    legal = [name for name, reason in manifest.devices.items() if not reason]
    table = Table(title=str(folder), show_header=False, title_justify="left")
    table.add_row("model", f"{manifest.model} ({manifest.family}, dialect {manifest.dialect})")
    table.add_row("source", f"{origin}, {len(source.files)} files")
    table.add_row("exported by", manifest.exporter)
    table.add_row("recipe", manifest.recipe.name)
    table.add_row("legal on", ", ".join(legal))
    for device, reason in manifest.devices.items():
        if reason:
            table.add_row(f"not on {device}", reason)
    if seen := manifest.vision:
        side = f"{seen.image_size} × {seen.image_size}"
        what = f"{side} pixels, {seen.vectors} vectors, tower {seen.tower} in {seen.weights}"
        table.add_row("pictures", what)
    table.add_row("context", f"{manifest.context_length:,} tokens")
    table.add_row("size", f"{manifest.size_bytes / 1e6:,.1f} MB in {len(manifest.files)} files")
    table.add_row("stop ids", ", ".join(map(str, manifest.stop_ids)))
    count = sum(len(golden.tokens) for golden in manifest.golden)
    table.add_row("golden tokens", f"{count} after {len(manifest.golden)} prompts")
    if not manifest.verification:
        table.add_row("verified", f"no: ovglm verify {folder} --against CHECKPOINT")
    for note in manifest.notes:
        table.add_row("note", note)
    table.add_row("made with", ", ".join(f"{k} {v}" for k, v in manifest.versions.items()))
    return table


def _matrices(manifest: "Manifest") -> "Table":
    """Make the table of matrices."""
    from rich.table import Table

    total = sum(row.weights for row in manifest.matrices)
    table = Table("matrix", "format", title="matrices", title_justify="left")
    for heading in ("count", "weights", "share"):
        table.add_column(heading, justify="right")
    for row in manifest.matrices:
        share = f"{row.weights / total:.1%}"
        table.add_row(row.kind, row.format, str(row.matrices), f"{row.weights:,}", share)
    return table
