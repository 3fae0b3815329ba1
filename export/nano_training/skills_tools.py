"""Skills with tools: calls with arguments from the question, and answers after an observation."""

from __future__ import annotations

import json
import random
from typing import Any

from nano_training import words
from nano_training.samples import Message, Sample, assistant, pick, user
from nano_training.skills_text import capital, echo, greeting

ARGUMENT = {"get_weather": "city", "calculate": "expression", "get_time": "city"}
DESCRIPTIONS = {
    "get_weather": ["Weather of a city", "Get the current weather", "查询城市天气"],
    "calculate": ["Calculator", "Calculate an expression", "计算器"],
    "get_time": ["Time in a city", "Get the local time", "查询当地时间"],
}
ASK_EN = {
    "get_weather": [
        "What is the weather in {}?", "How is the weather in {}?", "Weather in {}?",
        "What is the weather like in {} today?", "Tell me the weather in {}.",
        "Is it raining in {}?",
    ],
    "calculate": [
        "Calculate {}.", "What is {}?", "Compute {}", "Please calculate {}.", "How much is {}?",
        "{} = ?",
    ],
    "get_time": [
        "What time is it in {}?", "Tell me the time in {}.", "Time in {}?",
        "What is the time in {}?", "What is the local time in {}?",
    ],
}  # fmt: skip
ASK_ZH = {
    "get_weather": [
        "{}天气怎么样？", "{}的天气怎么样？", "今天{}的天气如何？", "查一下{}的天气。",
        "{}下雨了吗？", "{}天气",
    ],
    "calculate": ["计算 {}", "{} 等于多少？", "算一下 {}", "请计算 {}。", "{} = ?"],
    "get_time": [
        "{}现在几点？", "现在{}几点了？", "{}的时间是多少？", "查一下{}的时间。",
        "告诉我{}的时间。",
    ],
}  # fmt: skip
SKIES = {"sunny": "晴", "cloudy": "多云", "rainy": "有雨", "windy": "有风", "snowy": "有雪"}


def function_schema(name: str, description: str) -> dict[str, Any]:
    """Return a tool in the form that chat clients send."""
    argument = ARGUMENT[name]
    parameters = {
        "type": "object",
        "properties": {argument: {"type": "string"}},
        "required": [argument],
    }
    function = {"name": name, "description": description, "parameters": parameters}
    return {"type": "function", "function": function}


def _tool_message(rng: random.Random, needed: list[str]) -> Message:
    offered = set(needed) | {name for name in ARGUMENT if rng.random() < 0.25}
    names = rng.sample(sorted(offered), len(offered))
    tools = [function_schema(name, pick(rng, DESCRIPTIONS[name])) for name in names]
    return {"role": "system", "content": "", "tools": tools}


def _argument(rng: random.Random, name: str, chinese: bool) -> tuple[str, str]:
    """Return an argument for a tool and the key of its content."""
    if name == "calculate":
        most = pick(rng, (99, 999, 999, 9999))
        numbers = rng.randint(1, most), rng.randint(1, most)
        text = f"{numbers[0]} {pick(rng, '+-*/')} {numbers[1]}"
        return text, f"tool:{text}"
    text = words.city(rng, chinese)
    return text, f"tool:{text}"


def _question(rng: random.Random, name: str, argument: str, chinese: bool) -> str:
    return pick(rng, (ASK_ZH if chinese else ASK_EN)[name]).format(argument)


def _call(name: str, argument: str) -> Message:
    return assistant(json.dumps({ARGUMENT[name]: argument}, ensure_ascii=False), name)


def _result(rng: random.Random, name: str, argument: str, chinese: bool) -> tuple[str, str]:
    """Return what the tool reports and the answer to be given from it."""
    if name == "calculate":
        value = rng.randrange(10 ** rng.randint(1, 6))
        return pick(rng, (f'{{"result": {value}}}', str(value))), f"{argument} = {value}"
    if name == "get_time":
        time = f"{rng.randrange(24)}:{rng.randrange(60):02d}"
        report = pick(rng, (f'{{"time": "{time}"}}', time))
        return report, f"{argument}现在是 {time}。" if chinese else f"It is {time} in {argument}."
    sky, degrees = pick(rng, list(SKIES)), rng.randint(0, 39)
    seen = SKIES[sky] if chinese and rng.random() < 0.5 else sky
    report = json.dumps({"weather": seen, "temperature": degrees}, ensure_ascii=False)
    report = report if rng.random() < 0.6 else f"{seen}, {degrees}"
    if chinese:
        return report, f"{argument}现在{SKIES[sky]}，{degrees} 度。"
    return report, f"It is {sky} in {argument}, {degrees} degrees."


def _exchange(rng: random.Random, chinese: bool) -> tuple[str, list[Message], str]:
    name = pick(rng, list(ARGUMENT))
    argument, key = _argument(rng, name, chinese)
    report, answer = _result(rng, name, argument, chinese)
    messages = [
        user(_question(rng, name, argument, chinese)),
        _call(name, argument),
        {"role": "observation", "content": report},
        assistant(answer),
    ]
    return name, messages, key


def _conversation(rng: random.Random) -> tuple[list[Message], list[str]]:
    """Return tools and one to three exchanges in one language, with the key of each."""
    chinese = rng.random() < 0.5
    exchanges = [_exchange(rng, chinese) for _ in range(pick(rng, (1, 2, 3, 3)))]
    tools = _tool_message(rng, [name for name, _, _ in exchanges])
    messages = [tools, *(message for _, part, _ in exchanges for message in part)]
    return messages, [key for _, _, key in reversed(exchanges)]


def observation(rng: random.Random) -> Sample:
    """Return the answer after a tool's result; held out by the last argument."""
    messages, keys = _conversation(rng)
    return Sample("observation", tuple(messages), tuple(keys))


def tool_call(rng: random.Random) -> Sample:
    """Return a tool call, or (one in four) a plain answer although tools are offered."""
    if rng.random() < 0.25:
        plain = pick(rng, (greeting, echo, capital))(rng)
        tools = _tool_message(rng, [pick(rng, list(ARGUMENT))])
        return Sample("tools", (tools, *plain.messages), plain.keys)
    messages, keys = _conversation(rng)
    return Sample("tools", tuple(messages[:-2]), tuple(keys), "call")
