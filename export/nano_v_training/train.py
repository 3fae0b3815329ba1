"""Trains the miniature with pictures: `python -m nano_v_training.train --output DIR`."""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import random
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import nn

from nano_training.scores import show as show_shares
from nano_training.train import Phase, Rates, Shared, say_progress
from nano_training.vocabulary import IGNORE, ChatFormat
from nano_v_training.batches import Batch, Shown, make_batches, scenes_of, show
from nano_v_training.checkpoint import new_model, read_weights, write_checkpoint
from nano_v_training.data import WEIGHTS, held_out_samples, training_samples
from nano_v_training.model import CellReader, NanoV, Shapes, to_pixels
from nano_v_training.scores import accuracy, rounded_text
from ovglm.nano import checkpoint_folder

TEMPLATE = checkpoint_folder("nano-v") / "chat_template.jinja"
PICTURES = 64
# Of a picture's vectors when the language model begins to read them, see NanoV.level.
LEVEL = 0.3


@dataclass(frozen=True)
class Lesson(Phase):
    """A phase in which one half learns.

    looks: the tower and its adapter learn to name their cells, and no text is read; otherwise the
    language model learns to read what these see. All at once is worse: Muon's steps, as large for a
    faint gradient as for a strong one, make the vectors grow and forget.
    """

    looks: bool = False


LESSONS = (
    Lesson(2000, WEIGHTS, 0.02, 0.003, decay_from=0.4, quantise_from=1.0, looks=True),
    Lesson(4000, WEIGHTS, 0.011, 0.0015, decay_from=0.2, quantise_from=0.7),
)


@dataclass(frozen=True)
class Plan:
    """How to train; `workers` processes of one thread share the batches of each step.

    start: the folder whose weights are taken; nano's own lend the language model alone.
    done: lessons that they have had.
    """

    output: Path
    lessons: tuple[Lesson, ...] = LESSONS
    start: Path = field(default_factory=checkpoint_folder)
    done: int = 0
    batches: int = 2
    workers: int = 2
    seed: int = 11
    report_every: int = 100
    asked: int = 60
    shapes: Shapes = field(default_factory=Shapes)


def look(model: NanoV, reader: CellReader, shown: Shown) -> float:
    """Add the gradients of one batch of pictures; return its summed loss."""
    vectors = model.look(to_pixels(shown.pictures), torch.bfloat16)
    loss = reader.loss(vectors, shown.classes, shown.places) * len(shown.pictures)
    loss.backward()
    return loss.item()


def answer(model: NanoV, batch: Batch, quantised: bool) -> float:
    """Add the gradients of one batch of conversations; return the summed loss of its answers."""
    with torch.no_grad():
        vectors = model.look(to_pixels(batch.shown.pictures), torch.bfloat16)
    logits = model(batch.ids, vectors, batch.where, quantised, torch.bfloat16)
    loss = F.cross_entropy(logits, batch.targets, reduction="sum", ignore_index=IGNORE)
    loss.backward()
    return loss.item()


def _pictures(seed: int, weights: Mapping[str, float], shapes: Shapes) -> Iterator[Shown]:
    """Draw the pictures of the training stream without end."""
    samples = training_samples(seed, weights)
    while True:
        few = list(itertools.islice(samples, PICTURES * 2))
        yield show(scenes_of(few)[:PICTURES], shapes.vision)


@dataclass(frozen=True)
class Worker:
    """One of the processes that train the same model."""

    rank: int
    shared: Shared
    form: ChatFormat
    tokenizer: Tokenizer
    plan: Plan

    def train(self, model: NanoV, reader: CellReader, lesson: Lesson, seed: int) -> None:
        """Train through one lesson; worker 0 reports and writes what is there."""
        eyes = [model.tower, model.adapter, reader]
        taught = nn.ModuleList(eyes if lesson.looks else [model.text])
        rates, start, losses = Rates(taught, lesson), time.perf_counter(), 0.0
        step = (
            self._looks(model, reader, lesson, seed)
            if lesson.looks
            else self._talks(model, lesson, seed)
        )
        for index, (loss, learned) in enumerate(itertools.islice(step, lesson.steps)):
            losses += self.shared.exchange(taught, self.rank, loss, learned)
            rates.step(index)
            if self.rank == 0 and (index + 1) % 25 == 0:
                say_progress(index + 1, lesson.steps, losses / 25, time.perf_counter() - start)
                losses = 0.0
            if self.rank == 0 and (index + 1) % self.plan.report_every == 0:
                self.report(model, reader, lesson, 8)

    def report(self, model: NanoV, reader: CellReader, lesson: Lesson, asked: int) -> None:
        """Print the accuracies on held-out pictures and write a checkpoint."""
        write_checkpoint(model, self.tokenizer, TEMPLATE, self.plan.output)
        samples = held_out_samples(asked, 1)
        if lesson.looks:
            shown = show(scenes_of(samples), self.plan.shapes.vision)
            with torch.no_grad():
                vectors = model.look(to_pixels(shown.pictures), torch.float32)
            show_shares("  cells  ", reader.shares_right(vectors, shown.classes))
            return
        show_shares("  float32", accuracy(model, self.form, samples))
        if lesson.quantise_from < 1:
            show_shares("  int4   ", accuracy(rounded_text(model), self.form, samples))

    def _looks(
        self, model: NanoV, reader: CellReader, lesson: Lesson, seed: int
    ) -> Iterator[tuple[float, int]]:
        """Add the gradients of a step's pictures; yield their loss and number."""
        pictures = _pictures(seed * 100 + self.rank, lesson.weights, self.plan.shapes)
        for _ in range(lesson.steps):
            shown = next(pictures)
            yield look(model, reader, shown), len(shown.pictures)

    def _talks(self, model: NanoV, lesson: Lesson, seed: int) -> Iterator[tuple[float, int]]:
        """Add the gradients of a step's conversations; yield their loss and learned tokens."""
        plan, choice = self.plan, random.Random(self.plan.seed)
        samples = training_samples(seed * 100 + self.rank, lesson.weights)
        batches = make_batches(self.form, samples, plan.shapes.vision)
        for index in range(lesson.steps):
            quantised = index >= lesson.quantise_from * lesson.steps and choice.random() < 0.5
            part = list(itertools.islice(batches, plan.batches // plan.workers))
            losses = [answer(model, one, quantised) for one in part]
            yield sum(losses), sum(int((one.targets != IGNORE).sum()) for one in part)


def work(plan: Plan, rank: int, shared: Shared) -> None:
    """Train one worker's copy of the model; worker 0 writes a checkpoint after each lesson."""
    torch.set_num_threads(1)
    torch.manual_seed(plan.seed)
    tokenizer = Tokenizer.from_file(str(checkpoint_folder() / "tokenizer.json"))
    worker = Worker(rank, shared, ChatFormat(TEMPLATE, tokenizer), tokenizer, plan)
    model = new_model(plan.shapes, tokenizer)
    reader = CellReader(plan.shapes.text.hidden)
    read_weights(model, plan.start)
    for number, lesson in list(enumerate(plan.lessons))[plan.done :]:
        if number and plan.lessons[number - 1].looks:
            model.level(to_pixels(next(_pictures(plan.seed, WEIGHTS, plan.shapes)).pictures), LEVEL)
        worker.train(model, reader, lesson, plan.seed + 1000 * number)
        if rank == 0:
            worker.report(model, reader, lesson, plan.asked)


def run(plan: Plan) -> None:
    """Train in all workers."""
    tokenizer = Tokenizer.from_file(str(checkpoint_folder() / "tokenizer.json"))
    model = new_model(plan.shapes, tokenizer)
    sizes = [sum(weight.numel() for weight in part.parameters())
             for part in (model, CellReader(plan.shapes.text.hidden))]  # fmt: skip
    print(f"{sizes[0] / 1e6:.2f} M parameters", flush=True)
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(plan.workers) if plan.workers > 1 else None
    shared = Shared(sum(sizes), plan.workers, barrier)
    others = [
        context.Process(target=work, args=(plan, rank, shared), daemon=True)
        for rank in range(1, plan.workers)
    ]
    for process in others:
        process.start()
    work(plan, 0, shared)
    for process in others:
        process.join()


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="folder of the checkpoint")
    parser.add_argument("--workers", type=int, default=Plan.workers, choices=(1, 2))
    parser.add_argument("--start", type=Path, help="go on with the weights of this folder")
    parser.add_argument("--done", type=int, default=0, help="the lessons that it has had")
    options = parser.parse_args()
    if (options.start is None) != (options.done == 0):
        parser.error("--start and --done belong together")
    start = options.start or checkpoint_folder()
    run(Plan(options.output, start=start, done=options.done, workers=options.workers))


if __name__ == "__main__":
    main()
