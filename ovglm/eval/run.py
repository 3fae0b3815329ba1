"""All measures of one `ovglm eval`, in order."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ovglm.eval.choice_file import Question
from ovglm.eval.choices import measure_choices
from ovglm.eval.likelihoods import Likelihoods
from ovglm.eval.perplexity import choose_windows, measure_perplexity
from ovglm.eval.report import Report, Subject
from ovglm.eval.tasks import TaskPlan, TaskScore, run_tasks
from ovglm.progress import Progress, Unit
from ovglm.template import ChatTemplate

__all__ = ["Plan", "run_plan"]


@dataclass(frozen=True)
class Plan:
    """What to measure, read already; texts and questions by the file's name as it was given.

    tasks: which to run, and what `load_tasks` made of that. limit: tokens of each text, questions
    of each file. context and stride: of the windows that a text is read in. chat: ask the
    questions through the chat template. exact: calculate the answers of tasks in float32, as
    the likelihoods were told.
    """

    texts: Mapping[str, str]
    questions: Mapping[str, tuple[Question, ...]]
    tasks: tuple[TaskPlan, dict[str, Any]] | None
    limit: int | None = None
    context: int | None = None
    stride: int | None = None
    chat: bool = False
    exact: bool = False


def run_plan(plan: Plan, folder: Path, likelihoods: Likelihoods, progress: Progress) -> Report:
    """Measure everything; the model is closed at the end.

    folder: the exported model behind `likelihoods`. Raises OvglmError.
    """
    windows = choose_windows(likelihoods, plan.context, plan.stride) if plan.texts else None
    template = ChatTemplate.load(folder) if plan.chat and plan.questions else None
    try:
        perplexity = {
            name: measure_perplexity(likelihoods, text, windows, _Stage(progress, name), plan.limit)
            for name, text in plan.texts.items()
            if windows
        }
        choices = {
            name: measure_choices(likelihoods, questions, _Stage(progress, name), template)
            for name, questions in plan.questions.items()
        }
        tasks = _run_tasks(plan, folder, likelihoods, progress)
    finally:
        likelihoods.close()
    return Report(Subject.of(likelihoods), perplexity, choices, tasks)


def _run_tasks(
    plan: Plan,
    folder: Path,
    likelihoods: Likelihoods,
    progress: Progress,
) -> tuple[TaskScore, ...]:
    if plan.tasks is None:
        return ()
    from ovglm.eval.harness import OvglmLM

    told = {"exact": plan.exact, "progress": progress, "likelihoods": likelihoods}
    model = OvglmLM(str(folder), **told)
    try:
        return run_tasks(model, *plan.tasks)
    finally:
        model.close()


@dataclass(frozen=True)
class _Stage:
    """Progress under the name of a file, as several are measured in the same way."""

    progress: Progress
    file: str

    def stage(self, name: str, total: int, unit: Unit = "steps") -> None:
        self.progress.stage(Path(self.file).name, total, unit)

    def advance(self, steps: int = 1) -> None:
        self.progress.advance(steps)
