"""Conversations in which a later question depends on an earlier answer."""

from __future__ import annotations

import random

from nano_training import words
from nano_training.samples import Message, Sample, assistant, pick, user
from nano_training.skills_numbers import equation, sum_key
from nano_training.skills_text import capital, capital_answer, greeting


def turns(rng: random.Random) -> Sample:
    """Return a conversation of two to four turns; held out by what it is about."""
    chinese = rng.random() < 0.5
    maker = pick(rng, (_remember, _remember, _more, _more, _and_there, _again))
    messages, keys = maker(rng, chinese)
    return Sample("turns", tuple(messages), tuple(keys))


FACTS_EN = {
    "name": ("My name is {}.|I am {}.|Call me {}.", "Nice to meet you, {}!",
             "What is my name?|Who am I?|Do you remember my name?", "Your name is {}."),
    "home": ("I live in {}.|My home is {}.|I come from {}.", "{} is a nice place!",
             "Where do I live?|What is my home?|Where am I from?", "You live in {}."),
    "thing": ("I like {}.|My favourite word is {}.|I love {}.", "I see, you like {}.",
              "What do I like?|What is my favourite word?|Tell me what I like.", "You like {}."),
}  # fmt: skip
FACTS_ZH = {
    "name": ("我叫{}。|我的名字是{}。|叫我{}。", "很高兴认识你，{}！",
             "我叫什么名字？|我是谁？|你记得我的名字吗？", "你叫{}。"),
    "home": ("我住在{}。|我的家在{}。|我来自{}。", "{}是个好地方！",
             "我住在哪里？|我的家在哪里？|我来自哪里？", "你住在{}。"),
    "thing": ("我喜欢{}。|我最喜欢的词是{}。|我爱{}。", "好的，你喜欢{}。",
              "我喜欢什么？|我最喜欢的词是什么？|说说我喜欢什么。", "你喜欢{}。"),
}  # fmt: skip


def _remember(rng: random.Random, chinese: bool) -> tuple[list[Message], list[str]]:
    facts = FACTS_ZH if chinese else FACTS_EN
    kinds = rng.sample(list(facts), pick(rng, (1, 1, 2)))
    messages: list[Message] = []
    values: dict[str, str] = {}
    for kind in kinds:
        draw = {"name": words.name, "home": words.city, "thing": words.word}[kind]
        values[kind] = draw(rng, chinese)
        tell, reply, _, _ = facts[kind]
        messages += [user(pick(rng, tell.split("|")).format(values[kind]))]
        messages += [assistant(reply.format(values[kind]))]
    keys: list[str] = []
    if rng.random() < 0.35:
        filler = pick(rng, (greeting, capital))(rng)
        messages += filler.messages
        keys += filler.keys
    kind = pick(rng, kinds)
    _, _, ask, answer = facts[kind]
    messages += [user(pick(rng, ask.split("|"))), assistant(answer.format(values[kind]))]
    return messages, [f"turns:{kind}:{values[kind]}", *keys]


MORE_EN = {
    "+": ["Add {} to that.", "Now add {}.", "Plus {}?", "And plus {}?"],
    "-": ["Subtract {} from that.", "Now take away {}.", "Minus {}?", "And minus {}?"],
}
MORE_ZH = {
    "+": ["再加{}。", "加上{}呢？", "再加 {} 是多少？"],
    "-": ["再减{}。", "减去{}呢？", "再减 {} 是多少？"],
}


def _more(rng: random.Random, chinese: bool) -> tuple[list[Message], list[str]]:
    first_sign = pick(rng, "+-")
    a, b = sorted((rng.randint(0, 60), rng.randint(0, 39)), reverse=True)
    total = a + b if first_sign == "+" else a - b
    sign = "+" if total < 3 else pick(rng, "+-")
    step = rng.randint(1, 10) if sign == "+" else rng.randint(1, min(total, 10))
    keys = [f"turns:{a}{first_sign}{b}{sign}{step}"]
    keys += [sum_key(a, b, first_sign), sum_key(total, step, sign)]
    ask = pick(
        rng, ["{} {} {} 是多少？", "{} {} {} = ?"] if chinese else ["What is {} {} {}?", "{}{}{}"]
    )
    more = pick(rng, (MORE_ZH if chinese else MORE_EN)[sign]).format(step)
    messages = [user(ask.format(a, first_sign, b)), assistant(equation(a, b, first_sign))]
    return [*messages, user(more), assistant(equation(total, step, sign))], keys


def _and_there(rng: random.Random, chinese: bool) -> tuple[list[Message], list[str]]:
    first = capital(rng)
    chinese = first.keys[0].endswith(tuple(row[2] for row in words.COUNTRIES))
    country = rng.randrange(len(words.COUNTRIES))
    name = words.COUNTRIES[country][2 if chinese else 0]
    ask = (
        ["那{}呢？", "{}呢？", "还有{}呢？"]
        if chinese
        else ["And of {}?", "And {}?", "What about {}?"]
    )
    messages = [*first.messages, user(pick(rng, ask).format(name))]
    messages += [assistant(capital_answer(country, chinese))]
    return messages, [f"turns:{first.messages[0]['content']}:{name}", *first.keys]


AGAIN_EN = ["Repeat that.", "Say that again.", "Once more, please.", "Again!"]
AGAIN_ZH = ["再说一遍。", "请重复刚才的话。", "再来一次。", "重复一下。"]


def _again(rng: random.Random, chinese: bool) -> tuple[list[Message], list[str]]:
    text = " ".join(words.word(rng, chinese) for _ in range(rng.randint(1, 4)))
    ask = pick(rng, ["请重复：{}", "复述：{}"] if chinese else ["Repeat: {}", "Say: {}"])
    messages = [user(ask.format(text)), assistant(text)]
    messages += [user(pick(rng, AGAIN_ZH if chinese else AGAIN_EN)), assistant(text)]
    return messages, [f"turns:again:{text}", f"echo:{text}"]
