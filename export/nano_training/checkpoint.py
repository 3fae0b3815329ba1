"""Writes the miniature as a checkpoint folder in the layout of GLM-4-9B-Chat-HF."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save
from tokenizers import Tokenizer
from torch import Tensor

from nano_training.model import Nano, Shape, config
from nano_training.vocabulary import STOP, special_ids, tokenizer_config


def write_checkpoint(model: Nano, tokenizer: Tokenizer, template: Path, folder: Path) -> None:
    """Write the model's checkpoint folder."""
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    described = config(model.shape, special_ids(tokenizer))
    write_folder(tensors, described, tokenizer, template, folder)


def write_folder(
    tensors: Mapping[str, Tensor],
    described: Mapping[str, Any],
    tokenizer: Tokenizer,
    template: Path,
    folder: Path,
) -> None:
    """Write weights in bfloat16, the three configs, the tokenizer and the chat template.

    described: config.json.
    """
    folder.mkdir(parents=True, exist_ok=True)
    ids = special_ids(tokenizer)
    stored = {name: value.to(torch.bfloat16).contiguous() for name, value in tensors.items()}
    (folder / "model.safetensors").write_bytes(save(stored, {"format": "pt"}))
    tokenizer.save(str(folder / "tokenizer.json"))
    write_json(folder / "config.json", described)
    write_json(folder / "tokenizer_config.json", tokenizer_config())
    generation = {
        "do_sample": False,
        "eos_token_id": [ids[token] for token in STOP],
        "max_new_tokens": 128,
        "pad_token_id": ids["<|endoftext|>"],
    }
    write_json(folder / "generation_config.json", generation)
    if template.resolve() != (folder / template.name).resolve():
        shutil.copyfile(template, folder / template.name)


def read_weights(shape: Shape, folder: Path) -> Nano:
    """Return the model whose weights lie in a folder that `write_checkpoint` wrote."""
    tensors = load_file(folder / "model.safetensors")
    model = Nano(shape)
    model.load_state_dict({k.removeprefix("model."): v.float() for k, v in tensors.items()})
    return model


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON file as all of a checkpoint's are written."""
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
