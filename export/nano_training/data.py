"""The mixture of skills: an endless training stream and the fixed held-out set."""

from __future__ import annotations

import random
from collections.abc import Iterator

from nano_training.samples import Sample, Skill, for_evaluation, for_training
from nano_training.skills_numbers import counting, sums, word_count
from nano_training.skills_text import capital, echo, greeting, json_answer, rewriting
from nano_training.skills_tools import observation, tool_call
from nano_training.skills_turns import turns

SKILLS: dict[str, Skill] = {
    "greeting": greeting,
    "echo": echo,
    "sums": sums,
    "capitals": capital,
    "counting": counting,
    "json": json_answer,
    "tools": tool_call,
    "observation": observation,
    "turns": turns,
}
# Extra practice: parts of the skills above.
DRILLS: dict[str, Skill] = {"rewriting": rewriting, "word count": word_count}
WEIGHTS: dict[str, float] = {
    "greeting": 5,
    "echo": 20,
    "sums": 26,
    "capitals": 10,
    "counting": 11,
    "json": 9,
    "tools": 2.5,
    "observation": 5.5,
    "turns": 14,
}
LATE_WEIGHTS: dict[str, float] = {
    "greeting": 2,
    "echo": 32,
    "sums": 20,
    "capitals": 3,
    "counting": 40,
    "json": 10,
    "tools": 3,
    "observation": 2,
    "turns": 11,
}
LAST_WEIGHTS: dict[str, float] = {
    "greeting": 2,
    "echo": 18,
    "sums": 16,
    "capitals": 3,
    "counting": 20,
    "json": 8,
    "tools": 3,
    "observation": 2.5,
    "turns": 8,
    "rewriting": 50,
    "word count": 14,
}
SYSTEM_PROMPTS = [
    "You are a helpful assistant.",
    "You are nano.",
    "你是一个有用的助手。",
    "请简短回答。",
]


def training_samples(seed: int, weights: dict[str, float] = WEIGHTS) -> Iterator[Sample]:
    """Yield training samples without end, mixed by weight; none has held-out content."""
    rng = random.Random(f"train {seed}")
    named = {**SKILLS, **DRILLS}
    skills, shares = list(named.values()), [weights.get(name, 0) for name in named]
    while True:
        sample = rng.choices(skills, shares)[0](rng)
        if for_training(sample):
            yield _with_system_prompt(rng, sample)


def held_out_samples(per_group: int, seed: int = 0) -> list[Sample]:
    """Return the evaluation set: `per_group` different prompts of each group."""
    chosen: list[Sample] = []
    for group, skill in SKILLS.items():
        rng = random.Random(f"held out {group} {seed}")
        seen: set[str] = set()
        for _ in range(per_group * 500):
            sample = skill(rng)
            if for_evaluation(sample) and str(sample.prompt) not in seen:
                seen.add(str(sample.prompt))
                chosen.append(sample)
            if len(seen) == per_group:
                break
    return chosen


def _with_system_prompt(rng: random.Random, sample: Sample) -> Sample:
    if sample.messages[0]["role"] == "system" or rng.random() > 0.06:
        return sample
    system = {"role": "system", "content": rng.choice(SYSTEM_PROMPTS)}
    return Sample(sample.group, (system, *sample.messages), sample.keys, sample.match)
