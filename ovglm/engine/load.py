"""From a folder and a device's name to a running engine, by the steps in order."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import openvino_genai

from ovglm.compiled_cache import CompiledCache
from ovglm.compiled_entry import Entry
from ovglm.devices import choose, list_devices, read_facts
from ovglm.devices.facts import ModelFacts
from ovglm.devices.options import RuntimeOptions
from ovglm.devices.placement import Placement
from ovglm.engine.base import Engine
from ovglm.engine.build import LocalEngine, build_engine, limits_of
from ovglm.engine.integrity import check_integrity
from ovglm.engine.selfcheck import Precision, load_checked, needs_check
from ovglm.engine.warmup import warm_up
from ovglm.errors import OvglmError
from ovglm.manifest import FILE_NAME as MANIFEST
from ovglm.tokens import Tokenizer

__all__ = ["load_engine"]

Say = Callable[[str], None]


def _say_on_stderr(text: str) -> None:
    """Print a line for the person who waits."""
    print(text, file=sys.stderr)


def load_engine(
    folder: Path,
    device: str = "AUTO",
    options: RuntimeOptions | None = None,
    *,
    say: Say = _say_on_stderr,
) -> Engine:
    """Load the model in `folder` onto the device that is called `device`, and warm it up.

    say: hears once what was chosen and why, and of anything else a person should know.
    Raises OvglmError, also for a folder whose files are not those of its export.
    """
    start = perf_counter()
    options = options or RuntimeOptions()
    edited = check_integrity(folder, say) if (folder / MANIFEST).is_file() else ()
    facts = read_facts(folder)
    placement = choose(facts, list_devices(), device, options)
    say(f"{facts.name} on {placement.device.id} ({placement.device.name}): {placement.reason}")
    for note in (*placement.notes, *edited):
        say(note)
    engine, notes = _Loader(facts, placement, options, say).load()
    for note in notes:
        say(note)
    warm_up(engine, limits_of(facts, placement))
    engine.tally.reset()
    engine.info = replace(
        engine.info,
        load_s=perf_counter() - start,
        notes=(*engine.info.notes, *edited, *notes),
    )
    return engine


@dataclass(frozen=True)
class _Loader:
    """Compiles one model for one placement, from the cache where it can, and checks the outcome."""

    facts: ModelFacts
    placement: Placement
    options: RuntimeOptions
    say: Say

    def load(self) -> tuple[LocalEngine, tuple[str, ...]]:
        """Give an engine that computes what the CPU computed, and notes of the comparison."""
        facts, device = self.facts, self.placement.device
        if not needs_check(device):
            return self._compile("default"), ()
        return load_checked(self._compile, facts.golden, device, facts.fingerprint, self.say)

    def _compile(self, precision: Precision) -> LocalEngine:
        placement = self._placement(precision)
        tokenizer = Tokenizer.load(self.facts.folder)
        if placement.cache_dir is None:
            return build_engine(self.facts, placement, tokenizer, self.options)
        cache = CompiledCache(placement.cache_dir)
        with cache.open(self._key(placement), model=self.facts.name, say=self.say) as entry:
            properties = {**placement.properties, "CACHE_DIR": str(entry.folder)}
            placement = replace(placement, properties=properties)
            engine = self._build(placement, tokenizer, entry)
            engine.info = replace(
                engine.info, cache=entry.state, notes=(*engine.info.notes, *entry.notes)
            )
            entry.seal()
        for note in entry.notes:
            self.say(note)
        return engine

    def _build(self, placement: Placement, tokenizer: Tokenizer, entry: Entry) -> LocalEngine:
        """Build from the cache; where the device does not take that, compile anew."""
        try:
            return build_engine(self.facts, placement, tokenizer, self.options)
        except OvglmError:
            if entry.state == "cold":
                raise
            entry.discard("the compiled model on disk could not be loaded")
        return build_engine(self.facts, placement, tokenizer, self.options)

    def _placement(self, precision: Precision) -> Placement:
        if precision == "default":
            return self.placement
        exact = {"INFERENCE_PRECISION_HINT": precision, "DYNAMIC_QUANTIZATION_GROUP_SIZE": "0"}
        return replace(self.placement, properties={**self.placement.properties, **exact})

    def _key(self, placement: Placement) -> dict[str, Any]:
        """Collect all that a compiled model depends on."""
        draft = self.options.draft
        return {
            "ir": self.facts.fingerprint,
            "draft": read_facts(draft).fingerprint if draft else "",
            "device": placement.device.name,
            "driver": placement.device.driver or "",
            "properties": {name: str(value) for name, value in placement.properties.items()},
            "openvino": openvino_genai.get_version(),
        }
