"""Exports the miniature and asks it the held-out set through OpenVINO; prints the table."""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
import openvino
import openvino_genai
from tokenizers import Tokenizer

from nano_training.answers import Marks, count_right, is_right, to_markdown
from nano_training.data import held_out_samples
from nano_training.samples import Sample
from nano_training.vocabulary import STOP, ChatFormat, special_ids
from ovglm.nano import checkpoint_folder
from ovglm.recipe import Recipe
from ovglm_export.pipeline import export_checkpoint

FORMATS = {
    "float32 (bf16 weights)": Recipe("bf16"),
    "INT8": Recipe("int8"),
    "INT4, group 64": Recipe("int4", group_size=64),
    "INT4, group 128": Recipe("int4", group_size=128),
}
PER_GROUP = 150
MOST_TOKENS = 96
AT_ONCE = 64
AnySample = TypeVar("AnySample", bound=Sample)


def ask(folder: Path, samples: Sequence[Sample]) -> Iterator[tuple[Sample, bool]]:
    """Answer each prompt greedily, in float32 arithmetic; yield whether the answer is right."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    form = ChatFormat(folder / "chat_template.jinja", tokenizer)
    ids = special_ids(tokenizer)
    stops = {ids[token]: token for token in STOP}
    scheduler = openvino_genai.SchedulerConfig()
    scheduler.cache_size = 1
    pipeline = openvino_genai.ContinuousBatchingPipeline(
        str(folder), scheduler, "CPU",
        {"INFERENCE_PRECISION_HINT": "f32", "KV_CACHE_PRECISION": "f32"},
    )  # fmt: skip
    config = openvino_genai.GenerationConfig(max_new_tokens=MOST_TOKENS, do_sample=False)
    config.stop_token_ids = set(stops)
    for start in range(0, len(samples), AT_ONCE):
        part = samples[start : start + AT_ONCE]
        prompts = [openvino.Tensor(np.array([form.prompt_ids(sample)])) for sample in part]
        for sample, result in zip(
            part, pipeline.generate(prompts, [config] * len(part)), strict=True
        ):
            answer = list(result.m_generation_ids[0])
            stop = stops.get(answer.pop()) if answer and answer[-1] in stops else None
            text = tokenizer.decode(answer, skip_special_tokens=False)
            yield sample, is_right(sample, text, stop)


@dataclass(frozen=True)
class Examination(Generic[AnySample]):
    """What a miniature is asked: draw: so many held-out samples of each group; ask: a folder.

    header: of the table's file, with a place for OpenVINO's version.
    """

    model: Path
    header: str
    draw: Callable[[int], Sequence[AnySample]]
    ask: Callable[[Path, Sequence[AnySample]], Iterable[tuple[AnySample, bool]]]

    def evaluate(self, model: Path, per_group: int, work: Path) -> dict[str, Marks]:
        """Export a checkpoint in every format below `work` and return what each got right."""
        samples = self.draw(per_group)
        columns: dict[str, Marks] = {}
        for number, (title, recipe) in enumerate(FORMATS.items()):
            start = time.perf_counter()
            export_checkpoint(model, work / str(number), recipe)
            columns[title] = count_right(self.ask(work / str(number), samples))
            right, asked = columns[title]["overall"]
            spent_s = time.perf_counter() - start
            print(f"{title}: {right} of {asked} right, {spent_s:.0f} s", flush=True)
        return columns

    def run(self, description: str | None) -> None:
        """Read the command line, evaluate, print and write the table."""
        parser = argparse.ArgumentParser(description=description)
        parser.add_argument("--model", type=Path, default=self.model)
        parser.add_argument("--per-group", type=int, default=PER_GROUP)
        parser.add_argument("--output", type=Path, help="file for the table, in Markdown")
        options = parser.parse_args()
        with tempfile.TemporaryDirectory() as work:
            table = to_markdown(self.evaluate(options.model, options.per_group, Path(work)))
        print(table)
        if options.output:
            options.output.parent.mkdir(parents=True, exist_ok=True)
            version = openvino.__version__.split("-")[0]
            options.output.write_text(self.header.format(version) + table, encoding="utf-8")


HEADER = """# Accuracy of nano

Held-out prompts answered by the exported model: greedy, CPU, OpenVINO {}, arithmetic and key-value
cache in float32. No prompt was in training; see `export/nano_training/README.md`. An answer is
right when text, JSON value or tool call and the stop token are all as expected. Made by
`PYTHONPATH=export python -m nano_training.evaluate --output benchmarks/results/nano.md`.

"""


if __name__ == "__main__":
    Examination(checkpoint_folder(), HEADER, held_out_samples, ask).run(__doc__)
