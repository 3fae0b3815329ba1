"""The notebooks as a reader runs them: every cell, in order, in a real kernel."""

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
MOST_WORDS = 80

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def read(path: Path) -> Any:
    """Read a notebook; nbformat gives no narrower type."""
    return nbformat.read(path, as_version=4)


def run(notebook: Any, folder: Path) -> list[Any]:
    """Run all cells in `folder` and give the outputs in order."""
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [output for cell in code for output in cell.outputs]


def text_of(outputs: list[Any]) -> str:
    return "".join(one.text for one in outputs if one.output_type == "stream")


def test_there_is_a_first_notebook() -> None:
    assert "01_first_chat.ipynb" in [path.name for path in NOTEBOOKS]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_outputs_are_cleared_and_texts_are_short(path: Path) -> None:
    for cell in read(path).cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None
        else:
            assert len(cell.source.split()) <= MOST_WORDS


@pytest.mark.slow
def test_the_first_chat_names_the_devices_answers_and_draws(tmp_path: Path) -> None:
    (path,) = (one for one in NOTEBOOKS if one.name == "01_first_chat.ipynb")
    outputs = run(read(path), tmp_path)
    said = text_of(outputs)
    assert "CPU" in said
    assert "Paris" in said
    assert "tokens per second" in said
    assert [one for one in outputs if "image/png" in one.get("data", {})]


@pytest.mark.slow
def test_the_python_api_answers_in_every_way(tmp_path: Path) -> None:
    (path,) = (one for one in NOTEBOOKS if one.name == "02_python_api.ipynb")
    said = text_of(run(read(path), tmp_path))
    for part in (
        "The capital of France is Paris.",
        "The capital of Japan is Tokyo.",
        "The capital of Norway is Oslo.",
        "You live in Rome.",
        'get_weather {"city": "Rome"}',
        "try: ovglm run glm-edge-1.5b-chat",
    ):
        assert part in said


@pytest.mark.slow
def test_pictures_are_shown_and_told(tmp_path: Path) -> None:
    (path,) = (one for one in NOTEBOOKS if one.name == "03_pictures.ipynb")
    outputs = run(read(path), tmp_path)
    said = text_of(outputs)
    for part in ("a red circle", "red", "a blue square", "tokens of prompt"):
        assert part in said
    assert [one for one in outputs if "image/png" in one.get("data", {})]


@pytest.mark.slow
def test_progress_bars_are_drawn_in_the_cell(tmp_path: Path) -> None:
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [
        nbformat.v4.new_code_cell(
            "from ovglm.progress import show_progress\n"
            "with show_progress() as progress:\n"
            "    progress.stage('weights', 3)\n"
            "    progress.advance(3)\n"
        )
    ]
    outputs = run(notebook, tmp_path)
    widgets = notebook.metadata.widgets["application/vnd.jupyter.widget-state+json"]["state"]
    shown = str([one.state.get("outputs") for one in widgets.values()])
    assert "weights" in shown
    assert "3/3" in shown
    assert "ipywidgets" not in text_of(outputs)
