"""Tables in plain text and sizes in words, the same on a terminal and in a pipe."""

from collections.abc import Sequence

from ovglm.sizes import size_text

__all__ = ["align", "size_text"]


def align(rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> list[str]:
    """Pad the cells of each column to one width; `right` names the columns of numbers."""
    if not rows:
        return []
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
