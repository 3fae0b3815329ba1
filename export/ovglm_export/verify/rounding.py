"""Figures as they are kept: no digits that another run on the same machine could turn."""

__all__ = ["rounded"]


def rounded(value: float) -> float:
    """Keep four digits, and none behind the eighth decimal place."""
    return float(f"{round(float(value), 8):.4g}")
