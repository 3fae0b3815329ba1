"""A checkpoint's own Jinja chat template, with Hugging Face's settings; knows no GLM dialect."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import jinja2
import jinja2.ext
import jinja2.nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from ovglm.errors import FolderError, OvglmError
from ovglm.picture_turns import check_places, count_pictures, fold_system, hold_places, placeholder
from ovglm.template_signs import PRIVATE_USE, disguise
from ovglm.tokens import Tokenizer
from ovglm.vision_facts import VisionFacts

__all__ = ["FILE_NAME", "ChatTemplate", "encode_chat", "encode_text", "find_template", "prompt_end"]

FILE_NAME = "chat_template.jinja"
_CONFIG_NAME = "tokenizer_config.json"
_NAMED_TOKENS = ("bos", "eos", "unk", "sep", "pad", "cls", "mask")
# Tokens of the prompt's end that a parser looks at, to see whether a thought is open.
_PROMPT_END = 24
# Texts that no template writes by itself.
_PROBE, _KEY = "probe of parts", "key of a part"
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

    @cached_property
    def writes_pictures(self) -> bool:
        """Tell whether it writes something for a picture among a message's parts."""
        text = _text_parts(_PROBE)
        alone, both = (self._try(parts) for parts in (text, [{"type": "image"}, *text]))
        # a template that knows no parts writes the list itself, its keys too
        is_list = _KEY in self._try([{_KEY: "", **text[0]}])
        return _PROBE in both and len(both) > len(alone) and not is_list

    @cached_property
    def drops_system(self) -> bool:
        """Tell whether it writes a user's text, and nothing of a system instruction."""
        wrap = _text_parts if self.wants_parts else str
        user = {"role": "user", "content": wrap("?")}
        try:
            text = self.render([{"role": "system", "content": wrap(_PROBE)}, user])
        except OvglmError:
            return False
        return _PROBE not in text and "?" in text

    def _writes(self, content: object) -> bool:
        return _PROBE in self._try(content)

    def _try(self, content: object) -> str:
        """Give what a user's message becomes, nothing where that is refused."""
        try:
            return self.render([{"role": "user", "content": content}])
        except OvglmError:
            return ""

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
    vision: VisionFacts | None = None,
    add_generation_prompt: bool = True,
    tools: Sequence[Mapping[str, Any]] | None = None,
    **variables: object,
) -> list[int]:
    """Render `messages` and give the ids; only the template itself can write control tokens.

    vision: of a model that takes pictures; the ids then hold a placeholder for each part of type
    image (`VisionFacts.placement`), and a system instruction that the template would drop stands
    in front of the first user's text.
    Raises RequestError for more pictures than the model takes, and for any where it takes none.
    """
    count = count_pictures(messages, vision)
    if vision and template.drops_system:
        messages = fold_system(messages)
    if template.wants_parts:
        messages = [_in_parts(message) for message in messages]
    given = {"messages": messages, "tools": tools, **variables}
    hidden = disguise(given, template.source, template.literals, tokenizer)
    values = {**hidden.given, "add_generation_prompt": add_generation_prompt}
    if vision and count and not template.writes_pictures:
        values["messages"] = hold_places(values["messages"], hidden.spare)
    ids: list[int] = []
    for number, text in enumerate(template.render_values(values).split(hidden.spare)):
        if vision and number:
            ids += placeholder(vision, tokenizer)
        ids += tokenizer.encode(text, allow_special=True, disguise=hidden.restore)
    if vision:
        check_places(ids, count, vision)
    return ids


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
        char if char.isascii() or ord(char) in PRIVATE_USE else json.dumps(char)[1:-1]
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
