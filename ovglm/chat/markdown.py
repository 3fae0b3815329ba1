"""Markdown that is still growing: which of its blocks are finished."""

from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token

__all__ = ["GrowingMarkdown", "parse"]


def parse(text: str) -> list[Token]:
    """Parse Markdown as chats write it: tables and ~~strikes~~ too, HTML as plain text."""
    return MarkdownIt("commonmark", {"html": False}).enable(["strikethrough", "table"]).parse(text)


class GrowingMarkdown:
    """Cuts finished blocks (paragraphs, lists, tables, code) off the front of a growing text.

    A block is finished once a whole line stands behind it that begins another one.
    """

    def __init__(self) -> None:
        self.rest = ""

    def push(self, text: str) -> list[str]:
        """Add text; give the blocks that no later text can change. `rest` is what remains."""
        self.rest += text
        if "\n" not in text:
            return []
        lines = self.rest.split("\n")
        borders = [0, *_block_starts("\n".join(lines[:-1]))[1:]]
        self.rest = "\n".join(lines[borders[-1] :])
        return ["\n".join(lines[start:end]) for start, end in pairwise(borders)]


def _block_starts(text: str) -> list[int]:
    """List the numbers of the lines that begin a block which stands in no other."""
    return [token.map[0] for token in parse(text) if token.map and token.level == 0]
