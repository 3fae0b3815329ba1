"""Runs tasks of lm-evaluation-harness (extra `eval`) on an exported folder."""

import logging
import os
import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ovglm.errors import OvglmError

if TYPE_CHECKING:
    from lm_eval.tasks import TaskManager

    from ovglm.eval.harness import OvglmLM

__all__ = ["TaskPlan", "TaskScore", "load_tasks", "quiet_harness", "require_harness", "run_tasks"]

# The harness's own seed for drawing examples.
_SEED = 1234
# For the standard errors that have no formula; within some 2 % of what more would give.
_RESAMPLES = 1000


@dataclass(frozen=True)
class TaskPlan:
    """Which tasks, and how.

    include: a folder with more task files (.yaml). limit: documents of each task. fewshot:
    examples before each question; None leaves that to the task. chat: ask through the model's
    chat template.
    """

    names: tuple[str, ...]
    include: Path | None = None
    limit: int | None = None
    fewshot: int | None = None
    chat: bool = False


@dataclass(frozen=True)
class TaskScore:
    """One metric of one task; value and standard error are None where the harness has none."""

    task: str
    metric: str
    filter: str
    value: float | None
    stderr: float | None


def require_harness() -> None:
    """Raise OvglmError where lm-evaluation-harness is not installed."""
    if find_spec("lm_eval") is None:
        raise OvglmError("--tasks needs lm-evaluation-harness", 'pip install "ovglm[eval]"')


def quiet_harness() -> None:
    """Keep the harness and its libraries from drawing bars, and from reporting to their makers.

    For a process of our own, before any of them is imported.
    """
    for name in ("TQDM_DISABLE", "HF_HUB_DISABLE_TELEMETRY", "HF_DATASETS_DISABLE_PROGRESS_BARS"):
        os.environ.setdefault(name, "1")
    logging.getLogger("lm_eval").setLevel(logging.ERROR)


def load_tasks(plan: TaskPlan) -> dict[str, Any]:
    """Load the tasks and their data, as the harness calls them `TaskDict`.

    Data that is not on this machine is downloaded. Raises OvglmError for a name that the harness
    and the plan's folder do not have, and for data that cannot be read.
    """
    manager = _find(plan)
    try:
        loaded: Any = manager.load(list(plan.names))
    except (OSError, ValueError) as error:
        names = ", ".join(plan.names)
        raise OvglmError(
            f"the data of {names} could not be loaded: {_first_line(error)}",
            "look at the task's dataset_path and data_files",
        ) from error
    for task in loaded["tasks"].values():
        wanted = task.get_config("num_fewshot")
        # as the harness does: a task that is set to none stays so
        if wanted is None or (plan.fewshot is not None and wanted != 0):
            task.set_config(key="num_fewshot", value=plan.fewshot or 0)
        task.set_fewshot_seed(seed=_SEED)
    return loaded


def run_tasks(model: "OvglmLM", plan: TaskPlan, loaded: dict[str, Any]) -> tuple[TaskScore, ...]:
    """Evaluate; give each metric of each task and group, in the order of the harness."""
    from lm_eval.evaluator import evaluate

    # its worker processes would be forked beside the threads of OpenVINO, which can hang
    os.environ.setdefault("DISABLE_MULTIPROC", "1")
    # it prints here and there, and stdout is for our result
    with redirect_stdout(sys.stderr):
        results: Any = evaluate(
            model,
            loaded,  # type: ignore[arg-type]
            limit=plan.limit,
            bootstrap_iters=_RESAMPLES,
            log_samples=False,
            apply_chat_template=plan.chat,
            fewshot_as_multiturn=plan.chat,
        )
    return tuple(
        score for name, metrics in results["results"].items() for score in _scores(name, metrics)
    )


def _find(plan: TaskPlan) -> "TaskManager":
    """Look into the plan's own folder first: the harness's thousands of tasks take seconds."""
    from lm_eval.tasks import TaskManager

    if plan.include is not None:
        own = TaskManager(include_path=str(plan.include), include_defaults=False)
        if all(name in own.task_index for name in plan.names):
            return own
    manager = TaskManager(include_path=None if plan.include is None else str(plan.include))
    for name in plan.names:
        if name not in manager.task_index:
            where = f" or in {plan.include}" if plan.include else ""
            raise OvglmError(
                f"there is no task {name!r} in lm-evaluation-harness{where}", "lm_eval ls tasks"
            )
    return manager


def _scores(name: str, metrics: dict[str, Any]) -> list[TaskScore]:
    """Read what the harness writes as `acc,none` and `acc_stderr,none`."""
    found = []
    for key, value in metrics.items():
        metric, comma, name_of_filter = key.partition(",")
        if comma and not metric.endswith("_stderr"):
            error = _number(metrics.get(f"{metric}_stderr,{name_of_filter}"))
            found.append(TaskScore(name, metric, name_of_filter, _number(value), error))
    return found


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
