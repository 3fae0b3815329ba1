"""How a block of Markdown looks on a terminal: headings on the left, no empty lines around it."""

from typing import ClassVar

from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import Heading, Markdown
from rich.segment import Segment

from ovglm.chat.markdown import parse

__all__ = ["Block"]


class Block:
    """One block, with line ends and HTML as the model wrote them.

    space_before: put an empty line above it. most_lines: show the last ones only.
    """

    def __init__(
        self, text: str, *, space_before: bool = False, most_lines: int | None = None
    ) -> None:
        self._markdown = _Markdown(text, hyperlinks=False)
        self._markdown.parsed = parse(text)
        _keep_line_ends(self._markdown)
        self._space_before = space_before
        self._most_lines = most_lines

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        drawn = console.render_lines(self._markdown, options.update(height=None), pad=False)
        lines = [_trim(line) for line in drawn]
        while lines and not lines[0]:
            del lines[0]
        while lines and not lines[-1]:
            del lines[-1]
        if lines and self._space_before:
            lines.insert(0, [])
        for line in lines[-self._most_lines :] if self._most_lines else lines:
            yield from line
            yield Segment.line()


class _Heading(Heading):
    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        self.text.justify = "left"
        yield self.text


class _Markdown(Markdown):
    elements: ClassVar = {**Markdown.elements, "heading_open": _Heading}


def _keep_line_ends(markdown: Markdown) -> None:
    for token in markdown.parsed:
        for child in token.children or ():
            if child.type == "softbreak":
                child.type = "hardbreak"


def _trim(line: list[Segment]) -> list[Segment]:
    """Take spaces off the end, which would wrap when the window gets narrower; keep colours."""
    kept = list(line)
    while kept and not (kept[-1].style and kept[-1].style.bgcolor):
        text, style, _ = kept.pop()
        if text.rstrip():
            return [*kept, Segment(text.rstrip(), style)]
    return kept
