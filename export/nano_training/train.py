"""Trains the miniature: `python -m nano_training.train --output DIR`; one seed, one command."""

from __future__ import annotations

import argparse
import itertools
import json
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from nano_training.data import held_out_samples, training_samples
from nano_training.model import Linear, Nano, Shape, config, fake_int4
from nano_training.samples import Sample
from nano_training.vocabulary import (
    IGNORE, SPECIAL, STOP, ChatFormat, build_tokenizer, tokenizer_config,
)  # fmt: skip

SEED = 7
TEMPLATE = Path(__file__).resolve().parents[2] / "ovglm" / "nano" / "chat_template.jinja"


@dataclass(frozen=True)
class Plan:
    """How long and how fast to train."""

    steps: int = 2400
    batch: int = 128
    parts: int = 4
    muon_rate: float = 0.02
    adam_rate: float = 0.004
    warm_up: int = 50
    decay_from: float = 0.6
    quantise_from: float = 0.65
    report_every: int = 100


Part = tuple[Tensor, Tensor, Tensor]


def make_batches(form: ChatFormat, plan: Plan, seed: int) -> Iterator[list[Part]]:
    """Yield for each step its samples in `parts` of similar length: ids, positions, targets."""
    samples = training_samples(seed)
    while True:
        pairs = [form.training_ids(sample) for sample in itertools.islice(samples, plan.batch)]
        pairs.sort(key=lambda pair: len(pair[0]))
        yield [as_tensors(part) for part in split_by_work(pairs, plan.parts)]


def split_by_work(pairs: list[tuple[list[int], list[int]]], parts: int) -> list[list]:
    """Cut samples sorted by length where padding costs least: at equal shares of the tokens."""
    total = sum(len(ids) for ids, _ in pairs)
    cut: list[list] = [[] for _ in range(parts)]
    seen = 0
    for pair in pairs:
        cut[min(parts - 1, seen * parts // total)].append(pair)
        seen += len(pair[0])
    return [part for part in cut if part]


def as_tensors(pairs: list[tuple[list[int], list[int]]]) -> Part:
    """Return padded ids [batch, time], the flat positions that are learned, and their targets."""
    time_steps = -(-max(len(ids) for ids, _ in pairs) // 16) * 16
    ids = torch.zeros(len(pairs), time_steps, dtype=torch.long)
    labels = torch.full((len(pairs), time_steps), IGNORE)
    for row, (tokens, targets) in enumerate(pairs):
        ids[row, : len(tokens)] = torch.tensor(tokens)
        labels[row, : len(targets)] = torch.tensor(targets)
    where = (labels.flatten() != IGNORE).nonzero()[:, 0]
    return ids, where, labels.flatten()[where]


class Schedule:
    """Warm-up, constant, linear decay to zero; sets both optimisers' rates."""

    def __init__(self, model: Nano, plan: Plan) -> None:
        matrices = [part.weight for part in model.modules() if isinstance(part, Linear)]
        chosen = {id(weight) for weight in matrices}
        others = [weight for weight in model.parameters() if id(weight) not in chosen]
        self.plan = plan
        self.rates = (plan.muon_rate, plan.adam_rate)
        self.optimisers: tuple[torch.optim.Optimizer, ...] = (
            torch.optim.Muon(matrices, lr=plan.muon_rate, weight_decay=0.01, momentum=0.95),
            torch.optim.AdamW(others, lr=plan.adam_rate, betas=(0.9, 0.98), weight_decay=0.0),
        )

    def step(self, index: int) -> None:
        """Apply the gradients of one step and clear them."""
        plan = self.plan
        rise = min(1.0, (index + 1) / plan.warm_up)
        left = (plan.steps - index) / max(1.0, plan.steps * (1 - plan.decay_from))
        for optimiser, rate in zip(self.optimisers, self.rates, strict=True):
            for group in optimiser.param_groups:
                group["lr"] = rate * min(rise, 1.0, left)
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)


@torch.no_grad()
def accuracy(model: Nano, form: ChatFormat, samples: list[Sample]) -> dict[str, float]:
    """Return, per group, the share of answers that greedy decoding gives exactly.

    Greedy decoding gives the expected tokens if and only if each is the likeliest after the
    expected ones before it, so one pass over prompt and answer decides. Weights as they stand,
    arithmetic in float32.
    """
    right: dict[str, list[bool]] = {}
    order = sorted(samples, key=lambda sample: len(form.text(sample)))
    for start in range(0, len(order), 64):
        part = order[start : start + 64]
        pairs = []
        for sample in part:
            ids, labels = form.training_ids(sample)
            asked = len(form.prompt_ids(sample)) - 1
            pairs.append((ids, [IGNORE] * asked + labels[asked:]))
        ids, where, targets = as_tensors(pairs)
        wrong = model(ids, where, False, torch.float32).argmax(-1) != targets
        failed = set((where[wrong] // ids.shape[1]).tolist())
        for row, sample in enumerate(part):
            right.setdefault(sample.group, []).append(row not in failed)
    return {group: sum(marks) / len(marks) for group, marks in sorted(right.items())}


def rounded(model: Nano, quantised: bool = False) -> Nano:
    """Return a copy with weights rounded to bfloat16, its matrices through INT4 if asked."""
    copy = Nano(model.shape)
    copy.load_state_dict({k: v.bfloat16().float() for k, v in model.state_dict().items()})
    if quantised:
        for part in copy.modules():
            if isinstance(part, Linear):
                part.weight.data = fake_int4(part.weight.data)
    return copy


def show(title: str, marks: dict[str, float]) -> None:
    """Print the accuracies of one evaluation on one line."""
    mean = sum(marks.values()) / len(marks)
    parts = "  ".join(f"{group} {100 * mark:.0f}" for group, mark in marks.items())
    print(f"{title}: mean {100 * mean:.1f}  {parts}", flush=True)


def train(form: ChatFormat, shape: Shape, plan: Plan, seed: int, dtype: torch.dtype) -> Nano:
    """Train and return a model; prints the loss, held-out accuracy and the time left."""
    torch.manual_seed(seed)
    model = Nano(shape)
    count = sum(weight.numel() for weight in model.parameters())
    print(f"{count / 1e6:.2f} M parameters, {plan.steps} steps", flush=True)
    compiled = torch.compile(model, dynamic=True) if COMPILE else model
    schedule, choice = Schedule(model, plan), random.Random(seed)
    asked = held_out_samples(40, seed=1)
    start, loss_sum, tokens = time.perf_counter(), 0.0, 0
    for index, parts in zip(range(plan.steps), make_batches(form, plan, seed), strict=False):
        late = index >= plan.quantise_from * plan.steps
        quantised = late and choice.random() < 0.5
        learned = sum(len(targets) for _, _, targets in parts)
        for ids, where, targets in parts:
            logits = compiled(ids, where, quantised, dtype)
            loss = F.cross_entropy(logits, targets, reduction="sum") / learned
            loss.backward()
            loss_sum += loss.item()
            tokens += ids.numel()
        schedule.step(index)
        if (index + 1) % 20 == 0:
            spent = time.perf_counter() - start
            left = spent / (index + 1) * (plan.steps - index - 1)
            print(f"step {index + 1}  loss {loss_sum / 20:.4f}  {tokens / spent:.0f} tokens/s  "
                  f"{spent / 60:.1f} min spent, {left / 60:.1f} left", flush=True)  # fmt: skip
            loss_sum = 0.0
        if (index + 1) % plan.report_every == 0:
            show("  held out", accuracy(model, form, asked))
            if late:
                show("  int4    ", accuracy(rounded(model, True), form, asked))
    return rounded(model)


COMPILE = False


def main() -> None:
    """Build the tokenizer, train, and write a checkpoint folder."""
    global COMPILE
    parser = argparse.ArgumentParser()
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=Plan.steps)
    parser.add_argument("--batch", type=int, default=Plan.batch)
    parser.add_argument("--parts", type=int, default=Plan.parts)
    parser.add_argument("--layers", type=int, default=Shape.layers)
    parser.add_argument("--ffn", type=int, default=Shape.ffn)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--f32", action="store_true")
    parser.add_argument("--report", type=int, default=Plan.report_every)
    parser.add_argument("--muon", type=float, default=Plan.muon_rate)
    options = parser.parse_args()
    COMPILE = options.compile
    torch.set_num_threads(2)
    plain = ChatFormat(TEMPLATE)
    texts = [plain.text(s) for s in itertools.islice(training_samples(SEED), 20000)]
    tokenizer = build_tokenizer(texts)
    form = ChatFormat(TEMPLATE, tokenizer)
    shape = Shape(layers=options.layers, ffn=options.ffn)
    plan = Plan(steps=options.steps, batch=options.batch, parts=options.parts,
                report_every=options.report, muon_rate=options.muon)
    model = train(form, shape, plan, SEED, torch.float32 if options.f32 else torch.bfloat16)
    asked = held_out_samples(150)
    show("bf16 weights, float32", accuracy(model, form, asked))
    show("int4 group 64", accuracy(rounded(model, True), form, asked))
    options.output.mkdir(parents=True, exist_ok=True)
    tensors = {"model." + name: value.bfloat16().contiguous() for name, value in model.state_dict().items()}
    save_file(tensors, options.output / "model.safetensors", {"format": "pt"})
    tokenizer.save(str(options.output / "tokenizer.json"))


if __name__ == "__main__":
    main()
