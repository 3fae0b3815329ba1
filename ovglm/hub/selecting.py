"""Which files of a repository are needed here, or why it holds no model for ovglm. Asks no hub."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from ovglm.errors import HubError
from ovglm.hub.door import Listing
from ovglm.hub.names import is_safe_file_name
from ovglm.hub.remote import Kind, RemoteFile
from ovglm.manifest import FILE_NAME
from ovglm.models import CATALOGUE

__all__ = ["INDEX", "Choice", "check_config", "choose_files", "has_ir", "is_ir"]

INDEX = "model.safetensors.index.json"
_SINGLE = "model.safetensors"
_SHARD = re.compile(r"model-(\d{5})-of-(\d{5})\.safetensors")
_IR = ("openvino_model.xml", "openvino_model.bin")
# What the exporter and the tokenizer read beside the weights.
_TEXTS = (
    "added_tokens.json", "chat_template.jinja", "chat_template.json", "config.json",
    "generation_config.json", "merges.txt", "preprocessor_config.json", "processor_config.json",
    "special_tokens_map.json", "tokenizer.json", "tokenizer.model", "tokenizer_config.json",
    "vocab.json",
)  # fmt: skip
_IR_FILES = (
    *_IR, "openvino_config.json", "openvino_tokenizer.xml", "openvino_tokenizer.bin",
    "openvino_detokenizer.xml", "openvino_detokenizer.bin", FILE_NAME,
)  # fmt: skip
# Fields of a config.json that the exporter refuses, the first one not for these model types.
_UNKNOWN = ("vision_config", "quantization_config")
_SEEING = ("glm", "chatglm")
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")


@dataclass(frozen=True)
class Choice:
    """The files that are needed, and what they make."""

    files: tuple[RemoteFile, ...]
    kind: Kind


def is_ir(listing: Listing) -> bool:
    """Tell whether a repository holds OpenVINO IR and no weights to export."""
    return has_ir(listing) and not _has_weights(listing)


def has_ir(listing: Listing) -> bool:
    """Tell whether a repository holds OpenVINO IR, be it beside other weights."""
    return {file.name for file in listing.files}.issuperset(_IR)


def _has_weights(listing: Listing) -> bool:
    """Tell whether a repository holds a whole model's safetensors, or says that it does."""
    names = [file.name for file in listing.files]
    return any(name in (INDEX, _SINGLE) or _SHARD.fullmatch(name) for name in names)


def choose_files(listing: Listing, indexed: Sequence[str] | None) -> Choice:
    """Choose the files; `indexed` are the shards that the index names, where there is one.

    Raises HubError where nothing here can be used.
    """
    by_name = {file.name: file for file in listing.files}
    if is_ir(listing):
        wanted: Collection[str] = (*_IR_FILES, *_TEXTS)
    else:
        shards = _shards(listing, by_name, indexed)
        wanted = (*shards, *_TEXTS, *([INDEX] if indexed is not None else []))
    files = tuple(file for file in listing.files if file.name in wanted)
    return Choice(files, "ir" if is_ir(listing) else "checkpoint")


def check_config(listing: Listing, config: Any) -> None:
    """Refuse a model that could not be used, before gigabytes are fetched."""
    known = sorted({entry.model_type for entry in CATALOGUE.values()})
    kind = config.get("model_type") if isinstance(config, dict) else None
    if kind not in known:
        raise HubError(
            f"{listing.repo} is no GLM that ovglm knows: its config.json is of model type "
            f"{kind!r}, not {', '.join(known)}",
            "ovglm models",
        )
    unknown = ("quantization_config",) if kind in _SEEING else _UNKNOWN
    for field in () if is_ir(listing) else unknown:
        if config.get(field):
            raise HubError(
                f"{listing.repo} cannot be exported: its config.json has a {field}",
                f"ovglm pull {listing.made_from}" if listing.made_from else "ovglm models",
            )


def _shards(
    listing: Listing, by_name: dict[str, RemoteFile], indexed: Sequence[str] | None
) -> Sequence[str]:
    if indexed is not None:
        if len({name.lower() for name in indexed}) < len(indexed):
            raise _broken(
                listing, "its index names shards that differ only in upper and lower case"
            )
        for name in indexed:
            if not is_safe_file_name(name) or not name.endswith(".safetensors"):
                raise _broken(listing, f"its index names a file that is no shard: {name!r:.60}")
            if name not in by_name:
                raise _broken(listing, f"its index names {name}, which is not there")
        return indexed
    if _SINGLE in by_name:
        return [_SINGLE]
    numbered = {name: match for name in by_name if (match := _SHARD.fullmatch(name))}
    if not numbered:
        raise _explain_absence(listing)
    totals = {int(match[2]) for match in numbered.values()}
    if len(totals) > 1 or len(numbered) != max(totals):
        raise _broken(listing, f"it holds {len(numbered)} of {max(totals)} shards and no index")
    return sorted(numbered)


def _broken(listing: Listing, what: str) -> HubError:
    return HubError(
        f"{listing.repo} is not whole: {what}",
        f"tell its owner, or try another revision: ovglm pull {listing.repo} --revision REV",
    )


def _explain_absence(listing: Listing) -> HubError:
    """Say what a repository without safetensors holds instead."""
    names = [file.name for file in listing.files]
    instead = f"ovglm pull {listing.made_from}" if listing.made_from else "ovglm models"
    if gguf := [name for name in names if name.lower().endswith(".gguf")]:
        return HubError(
            f"{listing.repo} holds GGUF files for llama.cpp ({gguf[0]}), which ovglm cannot read",
            instead,
        )
    if pickles := [name for name in names if name.lower().endswith(_PICKLES)]:
        return HubError(
            f"{listing.repo} holds only pickled weights ({pickles[0]}), which can run code when "
            "they are read",
            instead if listing.made_from else "look for the safetensors form of this model",
        )
    if others := [name for name in names if name.endswith(".safetensors")]:
        return HubError(
            f"{listing.repo} holds no whole model: only {others[0]}",
            instead,
        )
    return HubError(
        f"{listing.repo} is empty: there are no weights in its top folder",
        instead,
    )
