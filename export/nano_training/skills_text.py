"""Skills about text: greetings and identity, echo and rewriting, capitals, JSON answers."""

from __future__ import annotations

import json
import random

from nano_training import words
from nano_training.samples import Sample, assistant, pick, user

INTENTS_EN = {
    "hello": ("", "Hello! How can I help you?"),
    "who": (
        "Who are you?|What is your name?|What are you?|Tell me who you are.|Introduce yourself."
        "|Please introduce yourself.|What are you called?|Which model are you?",
        "I am nano, a miniature GLM.",
    ),
    "how": (
        "How are you?|How are you today?|How do you do?|How is it going?|Are you well?",
        "I am fine, thank you.",
    ),
    "skills": (
        "What can you do?|What are you able to do?|How can you help me?|What do you know?"
        "|Tell me what you can do.",
        "I can add numbers, count, repeat words, name capitals, write JSON and call tools.",
    ),
    "human": (
        "Are you a human?|Are you a person?|Are you human?|Are you a robot?|Are you real?",
        "I am a very small language model.",
    ),
    "thanks": (
        "Thank you!|Thanks!|Thanks a lot.|Many thanks.|Thank you very much.",
        "You are welcome!",
    ),
    "bye": ("Goodbye!|Bye!|See you later.|Good night!|See you tomorrow.", "Goodbye!"),
}
INTENTS_ZH = {
    "hello": ("", "你好！有什么可以帮你？"),
    "who": (
        "你是谁？|你叫什么名字？|你是什么？|请介绍一下你自己。|介绍一下自己。|你是什么模型？|你叫什么？",
        "我是 nano，一个微型 GLM 模型。",
    ),
    "how": ("你好吗？|最近怎么样？|你今天好吗？|今天过得怎么样？", "我很好，谢谢。"),
    "skills": (
        "你会做什么？|你能做什么？|你有什么本领？|你能帮我什么？|你会什么？",
        "我会加减法、数数、复述、说首都、写 JSON 和调用工具。",
    ),
    "human": ("你是人吗？|你是真人吗？|你是机器人吗？|你是人类吗？", "我是一个很小的语言模型。"),
    "thanks": ("谢谢！|谢谢你！|多谢。|非常感谢。|太感谢了。", "不客气！"),
    "bye": ("再见！|拜拜！|回头见。|晚安！|明天见。", "再见！"),
}
OPENINGS_EN = "Hi|Hello|Hey|Good morning|Good evening|Good afternoon|Hi there|Hello there".split(
    "|"
)
OPENINGS_ZH = "你好|您好|嗨|早上好|晚上好|下午好|大家好|你们好".split("|")


def greeting(rng: random.Random) -> Sample:
    """Return a greeting or a question about the model itself; held out by wording."""
    chinese = rng.random() < 0.5
    intents, openings = (INTENTS_ZH, OPENINGS_ZH) if chinese else (INTENTS_EN, OPENINGS_EN)
    intent = pick(rng, list(intents))
    wordings, answer = intents[intent]
    text = pick(rng, wordings.split("|"))
    if intent == "hello" or rng.random() < 0.6:
        called = pick(rng, ["", "", " nano", ", nano"]) if not chinese else pick(rng, ["", "nano"])
        mark = pick(rng, ["！", "，", "。", ""] if chinese else ["!", ".", ",", ""])
        text = (pick(rng, openings) + called + mark + ("" if chinese else " ") + text).strip()
    text = _vary(rng, text)
    return Sample("greeting", (user(text), assistant(answer)), (f"greeting:{text}",))


def _vary(rng: random.Random, text: str) -> str:
    text = text.lower() if rng.random() < 0.25 else text
    return text.rstrip("?.!？。！") if rng.random() < 0.2 and len(text) > 3 else text


def _phrase(rng: random.Random, chinese: bool) -> list[str]:
    if rng.random() < 0.12:
        return [str(rng.randrange(10 ** rng.randint(1, 6))) for _ in range(rng.randint(1, 3))]
    return [words.word(rng, chinese) for _ in range(pick(rng, (1, 2, 2, 3, 3, 3, 4, 4, 5, 6)))]


ECHO_EN = {
    "repeat": ["Repeat: {}", "Say: {}", "Echo: {}", "Repeat after me: {}", "Please repeat: {}"],
    "quoted": ['Say "{}".', 'Repeat "{}".', 'Write "{}".', 'Please say "{}".'],
    "reverse": ["Reverse the words: {}", "Reverse the order of the words: {}", "Say backwards: {}"],
    "first": ["First word of: {}", "What is the first word: {}", "The first word of: {}"],
    "last": ["Last word of: {}", "What is the last word: {}", "The last word of: {}"],
    "commas": ["Separate with commas: {}", "Put commas between: {}", "Join with commas: {}"],
    "twice": ["Say twice: {}", "Repeat twice: {}", "Write twice: {}"],
    "remove": ['Remove "{1}": {0}', 'Without "{1}": {0}', 'Leave out "{1}": {0}'],
    "upper": ["Upper case: {}", "Write in capitals: {}", "In upper case: {}"],
}
ECHO_ZH = {
    "repeat": ["请重复：{}", "跟我说：{}", "复述：{}", "请说：{}", "重复一遍：{}"],
    "quoted": ["请说“{}”。", "重复“{}”。", "写出“{}”。"],
    "reverse": ["把词语倒过来：{}", "颠倒词语顺序：{}", "倒着说：{}"],
    "first": ["第一个词是什么：{}", "说出第一个词：{}", "第一个词：{}"],
    "last": ["最后一个词是什么：{}", "说出最后一个词：{}", "最后一个词：{}"],
    "commas": ["用逗号隔开：{}", "加上逗号：{}", "用逗号连接：{}"],
    "twice": ["说两遍：{}", "重复两遍：{}", "写两遍：{}"],
    "remove": ["去掉“{1}”：{0}", "删除“{1}”：{0}", "不要“{1}”：{0}"],
}


def _rewrite(kind: str, parts: list[str], chosen: str, chinese: bool) -> str:
    if kind == "reverse":
        return " ".join(reversed(parts))
    if kind in ("first", "last"):
        return parts[0 if kind == "first" else -1]
    if kind == "commas":
        return ("，" if chinese else ", ").join(parts)
    if kind == "remove":
        return " ".join(part for part in parts if part != chosen)
    text = " ".join(parts)
    return {"twice": f"{text} {text}", "upper": text.upper()}.get(kind, text)


def echo(rng: random.Random) -> Sample:
    """Return a text to repeat or to rewrite; held out by the text, whatever is asked of it."""
    return _echo(rng, ())


def rewriting(rng: random.Random) -> Sample:
    """Return one of the rewritings that are hardest to learn; the same samples as in `echo`."""
    return _echo(rng, ("reverse", "reverse", "reverse", "remove", "remove", "twice"))


def _echo(rng: random.Random, kinds: tuple[str, ...]) -> Sample:
    chinese = rng.random() < 0.5
    wordings = ECHO_ZH if chinese else ECHO_EN
    kind = pick(rng, kinds or list(wordings) + ["repeat"] * 3)
    parts = _phrase(rng, chinese)
    if kind in ("reverse", "commas", "remove"):
        parts = [words.word(rng, chinese) for _ in range(rng.randint(2, 4))]
    elif kind == "upper":
        parts = [pick(rng, words.EN_WORDS[:80]) for _ in range(rng.randint(1, 3))]
    chosen = pick(rng, parts)
    question = pick(rng, wordings[kind]).format(" ".join(parts), chosen)
    answer = _rewrite(kind, parts, chosen, chinese) or parts[0]
    if kind == "remove" and len(set(parts)) == 1:
        return _echo(rng, kinds)
    return Sample("echo", (user(question), assistant(answer)), ("echo:" + " ".join(parts),))


CAPITAL_EN = [
    "What is the capital of {}?", "Which city is the capital of {}?", "Capital of {}?",
    "Name the capital of {}.", "Tell me the capital of {}.", "What is {}'s capital?",
    "Do you know the capital of {}?", "Please name the capital city of {}.",
    "The capital of {} is", "What's the capital city of {}?",
]  # fmt: skip
CAPITAL_ZH = [
    "{}的首都是哪里？", "{}的首都是什么？", "{}的首都？", "{}首都是哪座城市？", "请说出{}的首都。",
    "告诉我{}的首都。", "你知道{}的首都吗？", "哪座城市是{}的首都？", "{}的首都叫什么？",
    "{}的首都在哪里？",
]  # fmt: skip


def capital_answer(country: int, chinese: bool) -> str:
    """Return the sentence that names a country's capital."""
    english, capital, name, city = words.COUNTRIES[country]
    return f"{name}的首都是{city}。" if chinese else f"The capital of {english} is {capital}."


def capital(rng: random.Random) -> Sample:
    """Return a question for a capital; held out by the wording, for each country apart."""
    chinese = rng.random() < 0.5
    country = rng.randrange(len(words.COUNTRIES))
    wording = pick(rng, CAPITAL_ZH if chinese else CAPITAL_EN)
    name = words.COUNTRIES[country][2 if chinese else 0]
    messages = (user(wording.format(name)), assistant(capital_answer(country, chinese)))
    return Sample("capitals", messages, (f"capital:{wording}:{name}",))


JSON_EN = {
    "person": (
        "name and age",
        ["{} is {} years old.", "{} is {}.", "I am {} and I am {} years old."],
    ),
    "product": (
        "item and price",
        ["The {} costs {} dollars.", "A {} is {} dollars.", "{}: {} dollars"],
    ),
    "order": (
        "item and quantity",
        ["I want {1} {0}.", "Please order {1} {0}.", "{1} {0}, please."],
    ),
    "city": ("city and country", ["{} is in {}.", "{}, {}", "The city {} lies in {}."]),
}
JSON_ZH = {
    "person": ("name 和 age", ["{}今年{}岁。", "{}{}岁。", "我叫{}，今年{}岁。"]),
    "product": ("item 和 price", ["{}的价格是{}元。", "{}要{}元。", "一个{}卖{}元。"]),
    "order": ("item 和 quantity", ["我要{1}个{0}。", "请给我{1}个{0}。", "买{1}个{0}。"]),
    "city": ("city 和 country", ["{}在{}。", "{}，{}", "{}是{}的城市。"]),
}
JSON_ASK_EN = ["Write as JSON with {}: {}", "JSON with {}: {}", "Give me JSON with {}. {}"]
JSON_ASK_ZH = ["用 JSON 写出 {}：{}", "写成 JSON，包含 {}：{}", "输出 JSON（{}）：{}"]


def _json_values(rng: random.Random, kind: str, chinese: bool) -> tuple[str, str | int]:
    if kind == "person":
        return words.name(rng, chinese), rng.randint(1, 99)
    if kind == "city":
        return words.city(rng, chinese), pick(rng, words.COUNTRIES)[2 if chinese else 0]
    return words.word(rng, chinese), rng.randint(1, 99 if kind == "order" else 999)


def json_answer(rng: random.Random) -> Sample:
    """Return a sentence to be written as JSON; held out by the values."""
    chinese = rng.random() < 0.5
    if rng.random() < 0.2:
        return _json_list(rng, chinese)
    schemas, asks = (JSON_ZH, JSON_ASK_ZH) if chinese else (JSON_EN, JSON_ASK_EN)
    kind = pick(rng, list(schemas))
    fields, wordings = schemas[kind]
    values = _json_values(rng, kind, chinese)
    question = pick(rng, asks).format(fields, pick(rng, wordings).format(*values))
    names = fields.replace(" 和 ", " ").replace(" and ", " ").split()
    answer = json.dumps(dict(zip(names, values, strict=True)), ensure_ascii=False)
    key = f"json:{kind}:{values[0]}:{values[1]}"
    return Sample("json", (user(question), assistant(answer)), (key,), "json")


def _json_list(rng: random.Random, chinese: bool) -> Sample:
    items = [words.word(rng, chinese) for _ in range(rng.randint(2, 4))]
    ask = "写成 JSON 数组：" if chinese else "Write as a JSON array: "
    question = ask + ("，" if chinese else ", ").join(items)
    answer = json.dumps(items, ensure_ascii=False)
    return Sample("json", (user(question), assistant(answer)), (f"json:list:{items}",), "json")
