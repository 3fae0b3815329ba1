"""The examples in the API's docstrings run as they stand, on nano."""

import doctest
import shutil
from pathlib import Path

import pytest

import ovglm
from ovglm import api, loaded_model
from ovglm.recipe import Recipe
from ovglm.store import export_folder, find_model

FLAGS = doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL
EXAMPLES = [
    example
    for module in (api, loaded_model)
    for example in doctest.DocTestFinder(exclude_empty=True).find(module, globs={"ovglm": ovglm})
    if example.examples
]


@pytest.fixture(autouse=True)
def _exported(home: Path, nano: Path) -> None:
    """Put nano's export into this test's own store, as an example before would have."""
    shutil.copytree(nano, export_folder(find_model("nano"), Recipe()))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda one: one.name.removeprefix("ovglm."))
def test_an_example_of_a_docstring_runs(example: doctest.DocTest) -> None:
    said: list[str] = []
    doctest.DocTestRunner(verbose=False, optionflags=FLAGS).run(example, out=said.append)
    assert not said, "".join(said)


def test_each_function_of_the_api_has_an_example() -> None:
    names = {example.name for example in EXAMPLES}
    assert {f"ovglm.api.{name}" for name in api.__all__} <= names
