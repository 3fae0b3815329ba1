"""Markdown that grows: blocks leave it finished, and the screen shows every line once."""

from itertools import count

import pytest
from rich.console import Console

from mini_terminal import MiniTerminal
from ovglm.chat.live_answer import LiveAnswer
from ovglm.chat.markdown import GrowingMarkdown
from ovglm.chat.markdown_look import Block

LONG = """\
# Sorting

First paragraph with **bold** text,
on two lines.

```python
def f(x):

    return x
```

1. one

   still one
2. two
   - deeper

| a | b |
|---|---|
| 1 | 2 |

> quoted

The end.
"""


def _grow(text: str, size: int) -> tuple[list[str], str]:
    growing = GrowingMarkdown()
    blocks: list[str] = []
    for start in range(0, len(text), size):
        blocks += growing.push(text[start : start + size])
    return blocks, growing.rest


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_blocks_are_the_same_whatever_the_pieces(size: int) -> None:
    blocks, rest = _grow(LONG, size)
    assert [block.split("\n")[0] for block in blocks] == [
        "# Sorting",
        "First paragraph with **bold** text,",
        "```python",
        "1. one",
        "| a | b |",
        "> quoted",
    ]
    assert rest == "The end.\n"


@pytest.mark.parametrize("size", [1, 5, 1000])
def test_no_character_is_lost(size: int) -> None:
    blocks, rest = _grow(LONG, size)
    assert "\n".join([*blocks, rest]) == LONG


@pytest.mark.parametrize(
    "text",
    ["one\n#", "one\n-", "- a\n\n", "```\na\n\nb\n", "one\ntwo\nthree", "a | b\n--|--\n1 | 2\n"],
)
def test_what_later_text_can_change_stays(text: str) -> None:
    assert _grow(text, 1) == ([], text)


def _show(text: str, width: int = 60) -> str:
    console = Console(width=width, file=MiniTerminal(50), force_terminal=False, color_system=None)
    with console.capture() as capture:
        console.print(Block(text), end="")
    return capture.get().removesuffix("\n")


def test_line_ends_are_kept() -> None:
    assert _show("old pond\na frog leaps in") == "old pond\na frog leaps in"


def test_tags_are_text() -> None:
    assert _show("use <b> and\n\n<div>\nhtml\n</div>") == "use <b> and\n\n<div>\nhtml\n</div>"


def test_a_link_shows_where_it_leads() -> None:
    assert _show("[here](https://example.org)") == "here (https://example.org)"


def test_headings_stand_on_the_left_without_empty_lines() -> None:
    assert _show("## Title") == "Title"


@pytest.mark.parametrize("height", [8, 24])
@pytest.mark.parametrize("size", [1, 4, 50])
def test_a_long_answer_stands_on_the_screen_once(height: int, size: int) -> None:
    text = "\n\n".join(
        [LONG, *(f"Paragraph {number} of many, and more words." for number in range(30))]
    )
    text += "\n\n```\n" + "\n".join(f"code {number}" for number in range(60)) + "\n```\n"
    terminal = MiniTerminal(height)
    console = Console(
        file=terminal, width=60, height=height, force_terminal=True, color_system=None,
        legacy_windows=False,
    )  # fmt: skip
    clock = count().__next__  # every piece is drawn
    with LiveAnswer(console, lambda: float(clock())) as live:
        for start in range(0, len(text), size):
            live.push(text[start : start + size])
    shown = [line.strip() for line in terminal.text().splitlines()]
    for number in range(30):
        assert shown.count(f"Paragraph {number} of many, and more words.") == 1
    for number in range(60):
        assert shown.count(f"code {number}") == 1
    assert shown.count("Sorting") == 1 and shown[0] == "Sorting"
    assert "…" not in shown


def test_it_is_drawn_a_few_times_per_second_only() -> None:
    terminal = MiniTerminal(24)
    console = Console(file=terminal, width=60, height=24, force_terminal=True, legacy_windows=False)
    ticks = count()
    with LiveAnswer(console, lambda: next(ticks) / 10_000) as live:
        for _ in range(500):
            live.push("word\n")
    assert terminal.cursor_ups < 500
