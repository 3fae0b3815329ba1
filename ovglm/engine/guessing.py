"""Guessing tokens ahead, by a smaller model or from the prompt; the large model checks them all."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import openvino_genai

from ovglm.devices.options import RuntimeOptions
from ovglm.devices.placement import Placement
from ovglm.engine.integrity import check_integrity
from ovglm.errors import OvglmError
from ovglm.manifest import FILE_NAME as MANIFEST
from ovglm.tokens import FILE_NAME as TOKENIZER

__all__ = ["Guessing", "plan_guessing"]

# Tokens that are guessed at a time, and the longest phrase that is looked up in the prompt.
_AHEAD = 4
_PHRASE = 3


@dataclass(frozen=True)
class Guessing:
    """What guessing adds to the pipeline's properties and to each request's GenerationConfig.

    shares_prefixes: whether prefix caching may be on. Beside a draft model it makes sampled
    requests fail inside openvino_genai 2026.4.
    """

    properties: Mapping[str, Any] = field(default_factory=dict)
    extras: Mapping[str, int] = field(default_factory=dict)
    shares_prefixes: bool = True


def plan_guessing(
    folder: Path, placement: Placement, options: RuntimeOptions, properties: Mapping[str, Any]
) -> Guessing:
    """Say how to load what `options` want; refuse it where the device or the models do not fit."""
    if not options.draft and not options.prompt_lookup:
        return Guessing()
    if placement.engine == "static":
        wish = "a draft model" if options.draft else "prompt lookup"
        raise OvglmError(
            f"{wish} does not work with the {placement.engine} engine of {placement.device.id}",
            hint="--device CPU",
        )
    if options.draft is None:
        extras = {"num_assistant_tokens": _AHEAD, "max_ngram_size": _PHRASE}
        return Guessing({"prompt_lookup": True}, extras)
    _check_draft(folder, options.draft)
    draft = openvino_genai.draft_model(str(options.draft), placement.device.id, **properties)
    return Guessing({"draft_model": draft}, {"num_assistant_tokens": _AHEAD}, shares_prefixes=False)


def _check_draft(folder: Path, draft: Path) -> None:
    if not (draft / "openvino_model.xml").is_file():
        raise OvglmError(
            f"the draft model {draft} is no exported folder", hint=f"ovglm export {draft}"
        )
    if (draft / MANIFEST).is_file():
        check_integrity(draft, lambda _: None)
    ours, theirs = _vocabulary(folder), _vocabulary(draft)
    if ours != theirs:
        differing = len(ours.items() ^ theirs.items())
        raise OvglmError(
            f"the draft model {draft} has another vocabulary than {folder}: {len(theirs)} against "
            f"{len(ours)} tokens, {differing} entries differ",
            hint="a smaller model of the same family, such as GLM-Edge-1.5B for GLM-Edge-4B",
        )


def _vocabulary(folder: Path) -> dict[str, int]:
    """Read every token of a tokenizer.json with its id."""
    try:
        document = json.loads((folder / TOKENIZER).read_text(encoding="utf-8"))
        added = {token["content"]: token["id"] for token in document.get("added_tokens") or []}
        return {**document["model"]["vocab"], **added}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise OvglmError(f"{folder / TOKENIZER} cannot be read: {error}") from error
