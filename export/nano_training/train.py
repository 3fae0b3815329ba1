"""Trains the miniature: `python -m nano_training.train --output DIR`; one seed, one command."""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import random
import time
from dataclasses import dataclass, field
from multiprocessing.synchronize import Barrier
from pathlib import Path

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import Tensor, nn

from nano_training.batches import make_batches
from nano_training.checkpoint import read_weights, write_checkpoint
from nano_training.data import (
    LAST_WEIGHTS,
    LATE_WEIGHTS,
    WEIGHTS,
    held_out_samples,
    training_samples,
)
from nano_training.model import Linear, Nano, Shape
from nano_training.scores import accuracy, rounded, show
from nano_training.vocabulary import IGNORE, ChatFormat, build_tokenizer

TEMPLATE = Path(__file__).resolve().parents[2] / "ovglm" / "nano" / "chat_template.jinja"


@dataclass(frozen=True)
class Phase:
    """One warm-up, constant and falling rate; `weights` is the mixture of skills."""

    steps: int
    weights: dict[str, float]
    muon_rate: float
    adam_rate: float
    decay_from: float
    quantise_from: float
    warm_up: int = 50


# The later phases give more samples to the skills that are learned last.
PHASES = (
    Phase(2000, WEIGHTS, 0.02, 0.004, decay_from=0.6, quantise_from=0.65),
    Phase(1300, LATE_WEIGHTS, 0.01, 0.002, decay_from=0.15, quantise_from=0.4),
    Phase(1000, LAST_WEIGHTS, 0.012, 0.0024, decay_from=0.1, quantise_from=0.4),
)


@dataclass(frozen=True)
class Plan:
    """How to train; `workers` processes of one thread share the batches of each step.

    With `start` the weights of that folder are taken and the first `done` phases left out.
    """

    output: Path
    phases: tuple[Phase, ...] = PHASES
    start: Path | None = None
    done: int = 0
    batches: int = 4
    workers: int = 2
    seed: int = 7
    report_every: int = 150
    asked: int = 150
    tokenizer_texts: int = 20000
    shape: Shape = field(default_factory=Shape)


class Rates:
    """Muon for the matrices and AdamW for the rest; warm-up, constant, linear decay to zero."""

    def __init__(self, model: nn.Module, phase: Phase) -> None:
        matrices = [part.weight for part in model.modules() if isinstance(part, Linear)]
        chosen = {id(weight) for weight in matrices}
        others = [weight for weight in model.parameters() if id(weight) not in chosen]
        self._phase = phase
        self._rates = (phase.muon_rate, phase.adam_rate)
        self._optimisers: tuple[torch.optim.Optimizer, ...] = (
            torch.optim.Muon(matrices, lr=phase.muon_rate, weight_decay=0.01, momentum=0.95),
            torch.optim.AdamW(others, lr=phase.adam_rate, betas=(0.9, 0.98), weight_decay=0.0),
        )

    def step(self, index: int) -> None:
        """Apply the gradients of step `index` and clear them."""
        phase = self._phase
        rise = (index + 1) / phase.warm_up
        fall = (phase.steps - index) / (phase.steps * (1 - phase.decay_from))
        for optimiser, rate in zip(self._optimisers, self._rates, strict=True):
            for group in optimiser.param_groups:
                group["lr"] = rate * min(rise, 1.0, fall)
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)


class Shared:
    """Adds up the gradients of all workers, in the same order in each of them."""

    def __init__(self, size: int, workers: int, barrier: Barrier | None) -> None:
        self._rows = torch.zeros(workers, size + 2).share_memory_()
        self._barrier = barrier

    def _wait(self) -> None:
        if self._barrier:
            self._barrier.wait()

    def exchange(self, model: nn.Module, rank: int, loss: float, learned: int) -> float:
        """Replace the gradients by the mean over all learned tokens; return the mean loss."""
        weights = list(model.parameters())
        self._rows[rank, :2] = torch.tensor([loss, learned])
        size = sum(weight.numel() for weight in weights)
        own = self._rows[rank, 2 : 2 + size].split([weight.numel() for weight in weights])
        for weight, place in zip(weights, own, strict=True):
            place.copy_(weight.grad.flatten() if weight.grad is not None else torch.zeros(()))
        self._wait()
        total = self._rows.sum(0)
        self._wait()
        gradients = (total[2 : 2 + size] / total[1]).split([weight.numel() for weight in weights])
        for weight, gradient in zip(weights, gradients, strict=True):
            weight.grad = gradient.view_as(weight)
        return float(total[0] / total[1])


def backward(model: Nano, batch: tuple[Tensor, Tensor, Tensor], quantised: bool) -> float:
    """Add the gradients of one batch; return its summed loss."""
    ids, where, targets = batch
    logits = model(ids, where, quantised, torch.bfloat16)
    loss = F.cross_entropy(logits, targets, reduction="sum", ignore_index=IGNORE)
    loss.backward()
    return loss.item()


@dataclass(frozen=True)
class Worker:
    """One of the processes that train the same model."""

    rank: int
    shared: Shared
    form: ChatFormat

    def train(self, model: Nano, plan: Plan, phase: Phase, seed: int) -> None:
        """Train the model through one phase; worker 0 reports."""
        rates, choice = Rates(model, phase), random.Random(plan.seed)
        samples = training_samples(seed * 100 + self.rank, phase.weights)
        batches = make_batches(self.form, samples)
        start, losses = time.perf_counter(), 0.0
        for index in range(phase.steps):
            late = index >= phase.quantise_from * phase.steps
            quantised = late and choice.random() < 0.5
            part = list(itertools.islice(batches, plan.batches // plan.workers))
            loss = sum(backward(model, batch, quantised) for batch in part)
            learned = sum(int((targets != IGNORE).sum()) for _, _, targets in part)
            losses += self.shared.exchange(model, self.rank, loss, learned)
            rates.step(index)
            if self.rank == 0 and (index + 1) % 25 == 0:
                say_progress(index + 1, phase.steps, losses / 25, time.perf_counter() - start)
                losses = 0.0
            if self.rank == 0 and (index + 1) % plan.report_every == 0:
                _report(model, self.form, 40, 1, late)


def work(plan: Plan, tokenizer_text: str, rank: int, shared: Shared) -> None:
    """Train one worker's copy of the model; worker 0 writes a checkpoint after each phase."""
    torch.set_num_threads(1)
    torch.manual_seed(plan.seed)
    tokenizer = Tokenizer.from_str(tokenizer_text)
    worker = Worker(rank, shared, ChatFormat(TEMPLATE, tokenizer))
    model = read_weights(plan.shape, plan.start) if plan.start else Nano(plan.shape)
    for number, phase in list(enumerate(plan.phases))[plan.done :]:
        worker.train(model, plan, phase, plan.seed + 1000 * number)
        model = rounded(model)
        if rank == 0:
            _report(model, worker.form, plan.asked, 0, True)
            write_checkpoint(model, tokenizer, TEMPLATE, plan.output)


def say_progress(done: int, steps: int, loss: float, spent_s: float) -> None:
    """Print how far a phase is, its loss and the time that is left."""
    left = spent_s / done * (steps - done) / 60
    print(f"step {done}/{steps}  loss {loss:.4f}  {spent_s / 60:.1f} min spent, {left:.1f} left",
          flush=True)  # fmt: skip


def _report(model: Nano, form: ChatFormat, per_group: int, seed: int, int4: bool) -> None:
    asked = held_out_samples(per_group, seed)
    show("  float32", accuracy(model, form, asked))
    if int4:
        show("  int4   ", accuracy(rounded(model, int4=True), form, asked))


def run(plan: Plan) -> None:
    """Build the tokenizer, train in all workers, write the checkpoint folder."""
    plain = ChatFormat(TEMPLATE)
    samples = itertools.islice(training_samples(plan.seed), plan.tokenizer_texts)
    tokenizer = build_tokenizer(plain.text(sample) for sample in samples).to_str()
    size = sum(weight.numel() for weight in Nano(plan.shape).parameters())
    print(f"{size / 1e6:.2f} M parameters", flush=True)
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(plan.workers) if plan.workers > 1 else None
    shared = Shared(size, plan.workers, barrier)
    others = [
        context.Process(target=work, args=(plan, tokenizer, rank, shared), daemon=True)
        for rank in range(1, plan.workers)
    ]
    for process in others:
        process.start()
    work(plan, tokenizer, 0, shared)
    for process in others:
        process.join()


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="folder of the checkpoint")
    parser.add_argument("--workers", type=int, default=Plan.workers, choices=(1, 2, 4))
    parser.add_argument("--start", type=Path, help="go on with the weights of this folder")
    parser.add_argument("--done", type=int, default=0, help="the phases that it has had")
    options = parser.parse_args()
    if (options.start is None) != (options.done == 0):
        parser.error("--start and --done belong together")
    run(Plan(options.output, start=options.start, done=options.done, workers=options.workers))


if __name__ == "__main__":
    main()
