"""Write a GGUF file of random 4-bit weights in a GLM shape; runs in llama-cpp-python's environment.

The layers' matrices are Q4_0 (groups of 32 with an f16 scale), embedding and head Q8_0, norms
f32: what `llama-quantize` makes of a GLM with `Q4_0 --output-tensor-type q8_0`. The values repeat
after 32 Mi numbers; nothing a benchmark measures depends on them. A vocabulary is written only
where an exported folder is named that has one: the server needs it, the library does not.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

_POOL = 2**25


def tensors(shape: dict[str, Any]) -> Iterator[tuple[str, tuple[int, ...], str]]:
    """Yield (name, shape, Q4_0 | Q8_0 | F32) as llama.cpp's `chatglm` architecture reads them."""
    hidden, head_dim, ffn = shape["hidden"], shape["head_dim"], shape["ffn"]
    rows = (shape["heads"] + 2 * shape["groups"]) * head_dim
    yield "token_embd.weight", (shape["vocabulary"], hidden), "Q8_0"
    for layer in range(shape["layers"]):
        prefix = f"blk.{layer}."
        yield prefix + "attn_norm.weight", (hidden,), "F32"
        yield prefix + "attn_qkv.weight", (rows, hidden), "Q4_0"
        if shape["bias"]:
            yield prefix + "attn_qkv.bias", (rows,), "F32"
        yield prefix + "attn_output.weight", (hidden, shape["heads"] * head_dim), "Q4_0"
        yield prefix + "ffn_norm.weight", (hidden,), "F32"
        yield prefix + "ffn_up.weight", (2 * ffn, hidden), "Q4_0"
        yield prefix + "ffn_down.weight", (hidden, ffn), "Q4_0"
    yield "output_norm.weight", (hidden,), "F32"
    yield "output.weight", (shape["vocabulary"], hidden), "Q8_0"


def vocabulary(document: dict[str, Any], size: int) -> tuple[list[str], list[int]]:
    """Return all tokens of a tokenizer.json in the order of their ids, and llama.cpp's types.

    Ids up to `size` that no token has are unused (5); others are normal (1) or control (3) tokens.
    """
    texts = [f"[unused {number}]" for number in range(size)]
    kinds = [5] * size
    for text, number in document["model"]["vocab"].items():
        texts[number], kinds[number] = text, 1
    for token in document["added_tokens"]:
        texts[token["id"]], kinds[token["id"]] = token["content"], 3
    return texts, kinds


def _add_vocabulary(writer: Any, folder: Path, size: int) -> None:
    document = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    texts, kinds = vocabulary(document, size)
    merges = document["model"]["merges"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("chatglm-bpe")
    writer.add_token_list(texts)
    writer.add_token_types(kinds)
    writer.add_token_merges([one if isinstance(one, str) else " ".join(one) for one in merges])
    writer.add_eos_token_id(texts.index("<|endoftext|>"))
    writer.add_chat_template((folder / "chat_template.jinja").read_text(encoding="utf-8"))


def write(shape: dict[str, Any], path: Path, folder: Path | None = None) -> None:
    """Write the file. folder: an exported one, whose tokenizer and chat template are taken."""
    import gguf  # pyright: ignore[reportMissingImports] (not in our environment)

    writer = gguf.GGUFWriter(path, "chatglm")
    writer.add_context_length(shape["positions"])
    writer.add_embedding_length(shape["hidden"])
    writer.add_feed_forward_length(shape["ffn"])
    writer.add_block_count(shape["layers"])
    writer.add_head_count(shape["heads"])
    writer.add_head_count_kv(shape["groups"])
    writer.add_layer_norm_rms_eps(shape["eps"])
    writer.add_rope_dimension_count(int(shape["head_dim"] * shape["rotary"]))
    writer.add_rope_freq_base(shape["theta"])
    writer.add_vocab_size(shape["vocabulary"])
    if folder is None:
        writer.add_tokenizer_model("no_vocab")
    else:
        _add_vocabulary(writer, folder, shape["vocabulary"])
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q4_0)
    random = np.random.default_rng(0)
    pool = random.standard_normal(_POOL, dtype=np.float32).reshape(-1, 32) * 0.02
    kinds = {name: gguf.GGMLQuantizationType[name] for name in ("Q4_0", "Q8_0")}
    blocks = {name: gguf.quants.quantize(pool, kind) for name, kind in kinds.items()}
    for name, size, kind in tensors(shape):
        if kind == "F32":
            writer.add_tensor(name, np.ones(size, np.float32))
        else:
            data = np.resize(blocks[kind], (int(np.prod(size)) // 32, blocks[kind].shape[1]))
            writer.add_tensor(name, data.reshape(size[0], -1), raw_dtype=kinds[kind])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main() -> int:
    """Write the file that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shape", help="the fields of benchmarks.shapes.Shape as JSON")
    parser.add_argument("path", type=Path)
    parser.add_argument("--vocabulary", type=Path, metavar="FOLDER", help="an exported folder")
    asked = parser.parse_args()
    write(json.loads(asked.shape), asked.path, asked.vocabulary)
    return 0


if __name__ == "__main__":
    sys.exit(main())
