"""A tokenizer whose ids are bytes, and a template in GLM-4's manner."""

from collections.abc import Sequence

from ovglm.tokens import Tokenizer, byte_to_char

__all__ = ["CONTROLS", "TEMPLATE", "byte_tokenizer", "decode_bytes"]

TEMPLATE = (
    "{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
CONTROLS = {
    256: "<|user|>",
    257: "<|assistant|>",
    258: "<|system|>",
    259: "<|observation|>",
    260: "<|endoftext|>",
    261: "<|begin_of_image|>",
    262: "<|end_of_image|>",
}


def byte_tokenizer() -> Tokenizer:
    """Make it."""
    vocabulary = {char: byte for byte, char in enumerate(byte_to_char())}
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    return Tokenizer(
        {
            "version": "1.0",
            "added_tokens": [
                {"id": number, "content": text, "special": True, **flags}
                for number, text in CONTROLS.items()
            ],
            "pre_tokenizer": {
                "type": "ByteLevel",
                "add_prefix_space": False,
                "trim_offsets": True,
                "use_regex": True,
            },
            "model": {"type": "BPE", "vocab": vocabulary, "merges": []},
        }
    )


def decode_bytes(ids: Sequence[int]) -> str:
    """Give the whole characters, as real chunks have them."""
    return bytes(ids).decode(errors="ignore")
