"""A checkpoint's own Jinja chat template, with Hugging Face's settings; knows no GLM dialect."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import jinja2
import jinja2.ext
import jinja2.nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from ovglm.errors import FolderError, OvglmError
from ovglm.tokens import Tokenizer

__all__ = ["FILE_NAME", "ChatTemplate", "encode_chat", "encode_text", "find_template", "prompt_end"]

FILE_NAME = "chat_template.jinja"
_CONFIG_NAME = "tokenizer_config.json"
_NAMED_TOKENS = ("bos", "eos", "unk", "sep", "pad", "cls", "mask")
# Tokens of the prompt's end that a parser looks at, to see whether a thought is open.
_PROMPT_END = 24
_PRIVATE_USE = range(0xE000, 0xF900)
# A text that no template writes by itself.
_PROBE = "probe of parts"
# What a template's own expressions can raise besides Jinja's errors.
_TEMPLATE_ERRORS = (
    jinja2.TemplateError,
    TypeError,
    ValueError,
    LookupError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)


class ChatTemplate:
    """A compiled template; `source` is its Jinja text."""

    def __init__(self, source: str, special_tokens: Mapping[str, str] | None = None) -> None:
        """Compile `source`; `special_tokens` are its variables such as `eos_token`."""
        self.source = source
        self._special_tokens = dict(special_tokens or {})
        try:
            environment = _environment()
            self._compiled = environment.from_string(source)
            constants = environment.parse(source).find_all(jinja2.nodes.Const)
        except jinja2.TemplateSyntaxError as error:
            raise OvglmError(f"The chat template is not valid Jinja: {error}") from error
        # The texts that the template's expressions can look for in a message.
        self.literals = frozenset(c.value for c in constants if isinstance(c.value, str))

    @cached_property
    def wants_parts(self) -> bool:
        """Tell whether it writes a text only where that comes in a list of parts.

        Templates of models that take pictures step through such a list; in a plain text they would
        find nothing to write, and drop it without a word.
        """
        return not self._writes(_PROBE) and self._writes(_text_parts(_PROBE))

    def _writes(self, content: object) -> bool:
        try:
            return _PROBE in self.render([{"role": "user", "content": content}])
        except OvglmError:
            return False

    @classmethod
    def load(cls, folder: Path) -> "ChatTemplate":
        """Read chat_template.jinja, else the chat_template of tokenizer_config.json."""
        source = find_template(folder)
        if source is None:
            raise FolderError(
                f"{folder} has no chat template",
                f"put the model's {FILE_NAME} into that folder",
            )
        return cls(source, _special_tokens(_read_config(folder)))

    def render(
        self,
        messages: Sequence[Mapping[str, Any]],
        add_generation_prompt: bool = True,
        tools: Sequence[Mapping[str, Any]] | None = None,
        **variables: object,
    ) -> str:
        """Give the prompt text; an error in or from the template becomes an OvglmError."""
        given = {"messages": messages, "tools": tools, **variables}
        return self.render_values({**given, "add_generation_prompt": add_generation_prompt})

    def render_values(self, values: Mapping[str, object]) -> str:
        """Render with these variables, besides the special tokens."""
        try:
            return self._compiled.render({**self._special_tokens, "documents": None, **values})
        except _TEMPLATE_ERRORS as error:
            raise OvglmError(f"The chat template refused the messages: {error}") from error


def encode_chat(
    template: ChatTemplate,
    tokenizer: Tokenizer,
    messages: Sequence[Mapping[str, Any]],
    *,
    add_generation_prompt: bool = True,
    tools: Sequence[Mapping[str, Any]] | None = None,
    **variables: object,
) -> list[int]:
    """Render `messages` and give the ids; only the template itself can write control tokens.

    Each control token needs a sign (`<`, `[`). The signs in everything handed to the template are
    swapped for private characters that occur nowhere else; control tokens are looked for; then
    the signs are put back. So all text gets the ids it has as plain text.
    """
    if template.wants_parts:
        messages = [_in_parts(message) for message in messages]
    given = {"messages": messages, "tools": tools, **variables}
    seen = set(template.source).union(*_strings(given))
    spare = (chr(code) for code in _PRIVATE_USE if chr(code) not in seen)
    marks = dict(zip(sorted(tokenizer.control_marks), spare, strict=False))
    if len(marks) < len(tokenizer.control_marks):
        raise OvglmError("The messages use up all private-use characters of Unicode")
    swapped = _signs_to_swap(template.literals, tokenizer)

    def swap(match: re.Match[str]) -> str:
        return marks.get(match.group(), match.group())

    hidden = {
        name: _map_strings(value, partial(swapped.sub, swap)) for name, value in given.items()
    }
    text = template.render_values({**hidden, "add_generation_prompt": add_generation_prompt})
    restore = {ord(private): mark for mark, private in marks.items()}
    return tokenizer.encode(text, allow_special=True, disguise=restore)


def encode_text(template: ChatTemplate | None, tokenizer: Tokenizer, text: str) -> list[int]:
    """Give the token ids of a text to go on with, behind what the template writes at the start.

    The families were trained with these first tokens before any text. Control tokens in the text
    itself are text like any other.
    """
    try:
        start = (
            encode_chat(template, tokenizer, [], add_generation_prompt=False) if template else []
        )
    except OvglmError:  # a template that cannot do without messages tells no start
        start = []
    return start + tokenizer.encode(text, allow_special=False)


def prompt_end(tokenizer: Tokenizer, prompt_ids: Sequence[int]) -> str:
    """Give the prompt's end, control tokens included, as a dialect's parser wants it."""
    return tokenizer.decode(prompt_ids[-_PROMPT_END:], skip_special=False)


def _in_parts(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """Put a message's plain text into a list of parts; another content stays as it is."""
    content = message.get("content")
    return {**message, "content": _text_parts(content)} if isinstance(content, str) else message


def _text_parts(text: str) -> list[dict[str, str]]:
    return [{"type": "text", "text": text}]


def _signs_to_swap(literals: frozenset[str], tokenizer: Tokenizer) -> re.Pattern[str]:
    """Match each sign, and texts such as `</think>` that the template looks for in a message.

    Such a text is stepped over, so that the template sees it, unless it is near a control token.
    """
    marks = "".join(map(re.escape, sorted(tokenizer.control_marks)))
    if not marks:
        return re.compile(r"(?!)")
    kept = [
        re.escape(literal)
        for literal in sorted(literals, key=lambda literal: (-len(literal), literal))
        if not tokenizer.control_marks.isdisjoint(literal)
        and not any(_overlap(literal, token) for token in tokenizer.controls)
    ]
    return re.compile("|".join([*kept, f"[{marks}]"]))


def _overlap(literal: str, token: str) -> bool:
    """Tell whether `token` could be found in, or begin or end inside, `literal`."""
    if token in literal or literal in token:
        return True
    lengths = range(1, min(len(literal), len(token)))
    return any(literal.endswith(token[:n]) or literal.startswith(token[-n:]) for n in lengths)


def find_template(folder: Path) -> str | None:
    """Give the template's text as `ChatTemplate.load` would find it, None where there is none."""
    path = folder / FILE_NAME
    if path.is_file():
        return path.read_text(encoding="utf-8")
    value = _read_config(folder).get("chat_template")
    if isinstance(value, list):
        named = {entry["name"]: entry["template"] for entry in value}
        if "default" not in named:
            raise FolderError(
                f"{folder / _CONFIG_NAME} has no chat template named 'default', "
                f"only {', '.join(sorted(named))}"
            )
        return named["default"]
    return value


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[jinja2.ext.loopcontrols]
    )
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = _raise_exception
    environment.globals["strftime_now"] = _strftime_now
    return environment


def _to_json(
    value: object,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """Write JSON without Jinja's HTML escapes; private-use characters always stay themselves."""
    text = json.dumps(
        value, ensure_ascii=False, indent=indent, separators=separators, sort_keys=sort_keys
    )
    if not ensure_ascii or text.isascii():
        return text
    return "".join(
        char if char.isascii() or ord(char) in _PRIVATE_USE else json.dumps(char)[1:-1]
        for char in text
    )


def _raise_exception(message: str) -> None:
    raise jinja2.TemplateError(message)


def _strftime_now(pattern: str) -> str:
    return datetime.now().strftime(pattern)


def _read_config(folder: Path) -> dict[str, Any]:
    path = folder / _CONFIG_NAME
    if not path.is_file():
        return {}
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise FolderError(f"{path} is not valid JSON: {error}") from error
    if not isinstance(config, dict):
        raise FolderError(f"{path} is not a JSON object")
    return config


def _special_tokens(config: Mapping[str, Any]) -> dict[str, str]:
    values = {f"{name}_token": config.get(f"{name}_token") for name in _NAMED_TOKENS}
    texts = {
        name: value.get("content") if isinstance(value, dict) else value
        for name, value in values.items()
    }
    return {name: text for name, text in texts.items() if text is not None}


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _strings(key)
            yield from _strings(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _strings(item)


def _map_strings(value: object, change: Callable[[str], str]) -> object:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {
            _map_strings(key, change): _map_strings(item, change) for key, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [_map_strings(item, change) for item in value]
    return value
