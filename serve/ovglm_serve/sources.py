"""From what was chosen on the command line to models that can be loaded in worker processes."""

from collections.abc import Sequence
from functools import partial

from ovglm.chosen_model import ChosenModel
from ovglm.devices import choose, list_devices, read_facts
from ovglm.engine.worker import WorkerSettings, start_worker
from ovglm_serve.model_source import ModelSource
from ovglm_serve.served_model import read_speech
from ovglm_serve.settings import Settings

__all__ = ["to_sources"]

# One HTTP request may bring a list of prompts; the pool's limit is the one that clients meet.
_PROMPTS_PER_REQUEST = 64


def to_sources(chosen: Sequence[ChosenModel], settings: Settings) -> list[ModelSource]:
    """Export where needed, and choose devices on paper: what cannot run is refused here."""
    return [_to_source(one, settings) for one in chosen]


def _to_source(chosen: ChosenModel, settings: Settings) -> ModelSource:
    folder, options = chosen.export()
    facts = read_facts(folder)
    placement = choose(facts, list_devices(), chosen.device, options)
    worker = WorkerSettings(max_requests=settings.max_queue * _PROMPTS_PER_REQUEST, drain_s=0.0)
    start = partial(start_worker, folder, chosen.device, options, settings=worker, wait=False)
    speech = partial(read_speech, folder, facts.dialect)
    return ModelSource(chosen.model.name, facts, start, speech, placement)
