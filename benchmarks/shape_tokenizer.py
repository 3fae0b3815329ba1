"""Write a tokenizer of a benchmark checkpoint's own size."""

from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers

__all__ = ["SPECIAL", "write_tokenizer"]

# In the order of their ids, behind those of the text.
SPECIAL = (
    *("<|endoftext|>", "[MASK]", "[gMASK]", "[sMASK]", "<sop>", "<eop>"),
    *("<|system|>", "<|user|>", "<|assistant|>", "<|observation|>"),
    *("<|begin_of_image|>", "<|end_of_image|>"),
)
_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def write_tokenizer(text_tokens: int, folder: Path) -> None:
    """Write a byte-level tokenizer: bytes, then pairs, then triples, up to that many."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = list(letters)
    merges: list[tuple[str, str]] = []
    for word in words:  # grows while it is read
        if len(words) == text_tokens:
            break
        new = [(word, letter) for letter in letters][: text_tokens - len(words)]
        merges += new
        words += [left + right for left, right in new]
    vocabulary = {word: number for number, word in enumerate(words)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_PATTERN), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in SPECIAL])
    tokenizer.save(str(folder / "tokenizer.json"))
