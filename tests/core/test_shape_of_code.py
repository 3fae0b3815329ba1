"""Files and functions stay short enough to be read at once."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted(
    file
    for folder in ("ovglm", "export", "serve", "tests", "benchmarks")
    for file in (ROOT / folder).rglob("*.py")
)
LONGEST_FILE = 300
LONGEST_FUNCTION = 80
USUAL_FUNCTION = 25
USUAL_SHARE = 0.9


def _function_lengths(file: Path) -> dict[str, int]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {
        f"{file.relative_to(ROOT)}:{node.lineno} {node.name}": node.end_lineno - node.lineno + 1
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno
    }


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_file_has_at_most_300_lines(file: Path) -> None:
    assert len(file.read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE


def test_no_function_is_longer_than_80_lines_and_nine_in_ten_have_at_most_25() -> None:
    lengths = {name: length for file in FILES for name, length in _function_lengths(file).items()}
    assert {name: n for name, n in lengths.items() if n > LONGEST_FUNCTION} == {}
    usual = sum(length <= USUAL_FUNCTION for length in lengths.values())
    long_ones = {name: n for name, n in lengths.items() if n > USUAL_FUNCTION}
    assert usual / len(lengths) >= USUAL_SHARE, long_ones


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_module_says_what_it_knows(file: Path) -> None:
    assert ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))
