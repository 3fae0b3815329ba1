"""`ovglm eval`: perplexity, multiple choice and tasks of lm-evaluation-harness on a model."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ovglm.cli.model_arguments import MODEL_HELP, add_offline_argument
from ovglm.errors import OvglmError

if TYPE_CHECKING:
    from ovglm.eval.report import Report
    from ovglm.eval.run import Plan
    from ovglm.eval.tasks import TaskPlan

__all__ = ["EXAMPLES", "HELP", "add_arguments", "run"]

HELP = "evaluate a model: perplexity, multiple choice, lm-evaluation-harness"

EXAMPLES = """\
  ovglm eval ./glm-edge-int4 --perplexity book.txt
  ovglm eval ./glm-edge-int4 --choices quiz.jsonl --chat
  ovglm eval ./glm-edge-int4 --tasks arc_easy,hellaswag --limit 100   (extra `eval`)
  ovglm eval nano --tasks my_task --include-path ./tasks --exact --json
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the options of `ovglm eval`."""
    add = parser.add_argument
    add("model", metavar="MODEL", help=MODEL_HELP)
    _add_measures(parser)
    add("--limit", type=_count, metavar="N", help="only N tokens of a text, questions, documents")
    add("--json", action="store_true", help="print one JSON object instead of the tables")
    add_offline_argument(parser)
    group = parser.add_argument_group("device and arithmetic")
    group.add_argument(
        "--device",
        default="AUTO",
        metavar="NAME",
        help="CPU, GPU or AUTO; an NPU gives no logits to score with (default: %(default)s)",
    )
    group.add_argument(
        "--exact",
        action="store_true",
        help="calculate in float32 throughout, which leaves only what the export itself costs "
        "(CPU); else as the engine does when it answers",
    )
    group.add_argument(
        "--context",
        type=_count,
        metavar="N",
        help="read at most N tokens at once (default: what the model and the memory allow; "
        "2048 for --perplexity)",
    )


def _add_measures(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("what to measure", "one or more of these")
    add = group.add_argument
    add(
        "--perplexity",
        type=Path,
        action="append",
        default=[],
        metavar="FILE.txt",
        help="perplexity on a text; may be repeated",
    )
    add("--stride", type=_count, metavar="N", help="tokens from window to window (default: half)")
    add(
        "--choices",
        type=Path,
        action="append",
        default=[],
        metavar="FILE.jsonl",
        help='accuracy on lines {"question": "…", "choices": ["…", "…"], "answer": 0}; '
        "may be repeated",
    )
    add("--tasks", metavar="NAME,...", help="tasks of lm-evaluation-harness (extra `eval`)")
    add("--include-path", type=Path, metavar="DIR", help="a folder with more task files (.yaml)")
    add("--fewshot", type=_number, metavar="N", help="examples before each question of a task")
    add("--chat", action="store_true", help="ask --choices and --tasks as chats, by the template")


def run(options: Namespace) -> int:
    """Measure and show. All that can be refused is refused before anything is loaded."""
    from ovglm.eval.report import print_report, to_json

    report = _measure(options, _to_plan(options))
    if options.json:
        print(to_json(report))
    else:
        from rich.console import Console

        print_report(report, Console(highlight=False))
    return 0


def _measure(options: Namespace, plan: "Plan") -> "Report":
    from ovglm.chosen_model import choose
    from ovglm.devices.options import RuntimeOptions
    from ovglm.eval.likelihoods import exact_options, load_likelihoods
    from ovglm.eval.run import run_plan
    from ovglm.progress import show_progress

    plain = RuntimeOptions(context=options.context)
    runtime = exact_options(options.context) if options.exact else plain
    chosen = choose(
        options.model,
        runtime,
        device=options.device,
        must_chat=options.chat,
        offline=options.offline,
    )
    folder, _ = chosen.export()
    likelihoods = load_likelihoods(
        folder, options.device, context=options.context, exact=options.exact
    )
    with show_progress() as progress:
        return run_plan(plan, folder, likelihoods, progress)


def _to_plan(options: Namespace) -> "Plan":
    from ovglm.eval.choice_file import read_questions
    from ovglm.eval.likelihoods import refuse_npu
    from ovglm.eval.run import Plan
    from ovglm.text_files import read_text

    _refuse_without_effect(options)
    refuse_npu(options.device)
    return Plan(
        texts={str(path): read_text(path, "--perplexity FILE.txt") for path in options.perplexity},
        questions={str(path): read_questions(path)[: options.limit] for path in options.choices},
        tasks=_load_tasks(options) if options.tasks else None,
        limit=options.limit,
        context=options.context,
        stride=options.stride,
        chat=options.chat,
        exact=options.exact,
    )


def _load_tasks(options: Namespace) -> "tuple[TaskPlan, dict[str, Any]]":
    from ovglm.eval.tasks import TaskPlan, load_tasks, quiet_harness, require_harness

    require_harness()
    if options.include_path is not None and not options.include_path.is_dir():
        raise OvglmError(
            f"--include-path {options.include_path} is no folder",
            "a folder with task files (.yaml)",
        )
    quiet_harness()
    names = tuple(name.strip() for name in options.tasks.split(",") if name.strip())
    told = (options.include_path, options.limit, options.fewshot, options.chat)
    plan = TaskPlan(names, *told)
    return plan, load_tasks(plan)


def _refuse_without_effect(options: Namespace) -> None:
    if not (options.perplexity or options.choices or options.tasks):
        raise OvglmError(
            "there is nothing to measure: name a text, a file of questions or a task",
            f"ovglm eval {options.model} --perplexity FILE.txt",
        )
    for flag, is_used, needed in (
        ("--stride", options.stride and not options.perplexity, "--perplexity"),
        ("--include-path", options.include_path and not options.tasks, "--tasks"),
        ("--fewshot", options.fewshot is not None and not options.tasks, "--tasks"),
        ("--chat", options.chat and not (options.choices or options.tasks), "--choices or --tasks"),
    ):
        if is_used:
            raise OvglmError(f"{flag} has no effect without {needed}", f"leave out {flag}")


def _number(text: str) -> int:
    if not text.strip().isdecimal():
        raise ArgumentTypeError(f"{text!r} is not a whole number from 0")
    return int(text)


def _count(text: str) -> int:
    if _number(text) < 1:
        raise ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)
