"""The tokenizer of a checkpoint, made ready for every reader: its JSON, its template, its IR.

Nothing of the checkpoint's own Python is read.
"""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ovglm.errors import CheckpointError
from ovglm.template import FILE_NAME as TEMPLATE_NAME
from ovglm.template import find_template
from ovglm.tokens import FILE_NAME as TOKENIZER_NAME
from ovglm.tokens import Tokenizer
from ovglm_export.tiktoken_bpe import build_tokenizer_json, read_tokens, special_tokens

if TYPE_CHECKING:
    import openvino
    import transformers

__all__ = ["export_tokenizer", "read_tokenizer", "stop_ids"]

_TIKTOKEN_NAME = "tokenizer.model"
_CONFIG_NAME = "tokenizer_config.json"
_MAP_NAME = "special_tokens_map.json"
_GENERATION_NAME = "generation_config.json"
# Chat turns of every GLM end with one of these; the configs name only some of them.
_STOP_TOKENS = ("<|endoftext|>", "<|user|>", "<|observation|>")
_END = "<|endoftext|>"
# Fields that would make a reader ask for the checkpoint's Python, or that moved elsewhere.
_DROPPED = ("auto_map", "chat_template", "tokenizer_file", "vocab_file", "name_or_path")
# Packages that take no part, but are noted where they happen to be installed.
_UNRELATED_VERSIONS = ("tiktoken_version", "sentencepiece_version")
_COUNTED_NAME = re.compile(r"(Parameter|Result)_\d+")
_AGAIN = "copy or download the checkpoint again, with its tokenizer files"


def export_tokenizer(source: Path, output: Path) -> None:
    """Write all files of the tokenizer of the checkpoint `source` into the folder `output`.

    Equal sources give equal bytes. Raises OvglmError where a file is missing or contradicts
    another one.
    """
    text, document = read_tokenizer(source)
    tokenizer = Tokenizer(document)
    _check_size(tokenizer, _read_json(source / "config.json"))
    config = _clean_config(source, tokenizer)
    template = find_template(source)
    generation = _generation_config(source, tokenizer, config)

    (output / TOKENIZER_NAME).write_bytes(text)
    _write_json(output / _CONFIG_NAME, config)
    _write_json(output / _GENERATION_NAME, generation)
    if template is not None:
        (output / TEMPLATE_NAME).write_bytes(template.encode("utf-8"))
    _write_ir(output, tokenizer, config, template)


def stop_ids(source: Path) -> tuple[int, ...]:
    """Collect the ids that end an answer: those of both configs, and those of GLM's chat turns."""
    controls = {token["content"]: int(token["id"]) for token in _read_added_tokens(source)}
    ids: list[int] = []
    for name in (_GENERATION_NAME, "config.json"):
        ids += _ids_of(source / name, _read_json(source / name).get("eos_token_id"))
    ids += [controls[token] for token in _STOP_TOKENS if token in controls]
    if not ids:
        raise CheckpointError(f"{source} names no token that ends an answer", _AGAIN)
    return tuple(dict.fromkeys(ids))


def _ids_of(path: Path, value: object) -> list[int]:
    values = value if isinstance(value, list) else [] if value is None else [value]
    ids = [id_ for id_ in values if isinstance(id_, int) and not isinstance(id_, bool) and id_ >= 0]
    if len(ids) != len(values):
        raise CheckpointError(f"eos_token_id in {path} is {value!r}, not token ids", _AGAIN)
    return ids


def read_tokenizer(source: Path) -> tuple[bytes, dict[str, Any]]:
    """Give tokenizer.json as bytes and parsed; built where the checkpoint has only tiktoken's."""
    path = source / TOKENIZER_NAME
    if path.is_file():
        return path.read_bytes(), _read_json(path)
    tokens = read_tokens(_tiktoken_file(source))
    document = build_tokenizer_json(tokens, _read_added_tokens(source, len(tokens)))
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8"), document


def _read_added_tokens(source: Path, first_id: int | None = None) -> list[dict[str, Any]]:
    path = source / TOKENIZER_NAME
    if path.is_file():
        added = _read_json(path).get("added_tokens") or []
        if not isinstance(added, list) or not all(map(_is_token, added)):
            raise CheckpointError(f"{path} has a damaged list of added_tokens", _AGAIN)
        return added
    if first_id is None:
        first_id = len(read_tokens(_tiktoken_file(source)))
    return special_tokens(_read_json(source / _CONFIG_NAME), first_id)


def _is_token(value: object) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("content"), str)
        and isinstance(value.get("id"), int)
    )


def _tiktoken_file(source: Path) -> Path:
    path = source / _TIKTOKEN_NAME
    if not path.is_file():
        raise CheckpointError(
            f"{source} has no tokenizer: neither {TOKENIZER_NAME} nor {_TIKTOKEN_NAME}", _AGAIN
        )
    return path


def _check_size(tokenizer: Tokenizer, config: Mapping[str, Any]) -> None:
    size = config.get("padded_vocab_size") or config.get("vocab_size")
    if isinstance(size, int) and tokenizer.vocabulary_size > size:
        raise CheckpointError(
            f"The tokenizer has {tokenizer.vocabulary_size} tokens, the model only {size}", _AGAIN
        )


def _clean_config(source: Path, tokenizer: Tokenizer) -> dict[str, Any]:
    """Give tokenizer_config.json as any reader can load it without the checkpoint's Python."""
    given = {**_read_json(source / _MAP_NAME), **_read_json(source / _CONFIG_NAME)}
    config = {name: value for name, value in given.items() if name not in _DROPPED}
    config["tokenizer_class"] = "PreTrainedTokenizerFast"
    config["padding_side"] = "left"
    config["clean_up_tokenization_spaces"] = False
    for name in ("eos_token", "pad_token"):
        token = config.get(name) or config.get("eos_token") or _END
        text = token["content"] if isinstance(token, dict) else token
        if tokenizer.token_id(text) is None:
            raise CheckpointError(f"{name} is {text!r}, which the tokenizer does not have", _AGAIN)
        config[name] = text
    return config


def _generation_config(
    source: Path, tokenizer: Tokenizer, config: Mapping[str, Any]
) -> dict[str, Any]:
    stops = stop_ids(source)
    if max(stops) >= tokenizer.vocabulary_size:
        raise CheckpointError(
            f"The stop id {max(stops)} is beyond the tokenizer, which ends at "
            f"{tokenizer.vocabulary_size - 1}",
            _AGAIN,
        )
    generation = _read_json(source / _GENERATION_NAME)
    if generation.get("pad_token_id") is None:
        generation["pad_token_id"] = tokenizer.token_id(config["pad_token"])
    return {**generation, "eos_token_id": list(stops)}


def _write_ir(
    output: Path, tokenizer: Tokenizer, config: Mapping[str, Any], template: str | None
) -> None:
    # Without torch transformers warns at import that there are no models; none are wanted here.
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
    # Slow imports, and importing the second one changes openvino.Core: only when it is needed.
    import openvino
    import transformers
    from openvino_tokenizers import convert_tokenizer

    length = config.get("model_max_length")
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_file=str(output / TOKENIZER_NAME),
        eos_token=config["eos_token"],
        pad_token=config["pad_token"],
        padding_side="left",
        clean_up_tokenization_spaces=False,
        chat_template=template,
        **({} if length is None else {"model_max_length": length}),
    )
    _require_same_ids(fast, tokenizer)
    # Two models, because a detokenizer is asked for; the declared type also allows for one.
    models = cast("tuple[openvino.Model, ...]", convert_tokenizer(fast, with_detokenizer=True))
    for model, name in zip(models, ("tokenizer", "detokenizer"), strict=True):
        _make_reproducible(model)
        openvino.save_model(model, output / f"openvino_{name}.xml", compress_to_fp16=False)


def _require_same_ids(fast: "transformers.PreTrainedTokenizerFast", tokenizer: Tokenizer) -> None:
    for token in sorted(tokenizer.controls):
        here, there = tokenizer.token_id(token), fast.convert_tokens_to_ids(token)
        if here != there:
            raise CheckpointError(
                f"{TOKENIZER_NAME} gives {token!r} the id {here}, but readers will count {there}",
                _AGAIN,
            )


def _make_reproducible(model: "openvino.Model") -> None:
    """Take out what changes from run to run: names with a counter of the process in them."""
    for place, node in enumerate(model.get_ordered_ops()):
        node.set_friendly_name(f"{node.get_type_name()}_{place}")
    for place, port in enumerate([*model.inputs, *model.outputs]):
        lasting = {name for name in port.get_names() if not _COUNTED_NAME.fullmatch(name)}
        port.get_tensor().set_names(lasting or {f"string_{place}"})
    for name in _UNRELATED_VERSIONS:
        if model.has_rt_info(name):
            del model.rt_info[name]


def _read_json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is not valid JSON: {error}", _AGAIN) from error
    if not isinstance(value, dict):
        raise CheckpointError(f"{path} is not a JSON object", _AGAIN)
    return value


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    text = json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True)
    path.write_bytes((text + "\n").encode("utf-8"))
