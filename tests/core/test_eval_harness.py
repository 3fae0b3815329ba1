"""lm-evaluation-harness on an export: every score and answer as its own transformers model's."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness_tasks import TASKS, write_tasks
from ovglm.errors import OvglmError
from ovglm.eval.harness import OvglmLM
from ovglm.eval.task_sampling import to_sampling
from ovglm.eval.tasks import TaskPlan, load_tasks, run_tasks
from ovglm.nano import checkpoint_folder

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
# Short, so that texts need several windows and prompts are cut.
LENGTH = 48


@pytest.fixture(scope="module", autouse=True)
def quiet() -> Any:
    """The harness neither draws bars nor forks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, "TQDM_DISABLE", "1")
        patch.setitem(os.environ, "DISABLE_MULTIPROC", "1")
        yield


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one task of each kind."""
    return write_tasks(tmp_path_factory.mktemp("tasks"))


def _responses(model: Any, plan: TaskPlan) -> dict[str, list[Any]]:
    """Give what the model answered to each request, by task."""
    from lm_eval.evaluator import evaluate

    results: Any = evaluate(
        model,
        load_tasks(plan),  # type: ignore[arg-type]
        bootstrap_iters=0,
        apply_chat_template=plan.chat,
        fewshot_as_multiturn=plan.chat,
    )
    return {
        name: [response for sample in samples for response in sample["resps"]]
        for name, samples in results["samples"].items()
    }


def _reference(chat: bool) -> Any:
    """The harness's own model on nano's checkpoint, in float32."""
    from lm_eval.models.huggingface import HFLM

    own = {"add_bos_token": False} if chat else {}
    kind: Any = HFLM  # its decorator hides its type
    model = kind(str(checkpoint_folder()), device="cpu", dtype="float32", max_length=LENGTH, **own)
    # else the checkpoint's default would take the place of a task's max_gen_toks
    model.model.generation_config.max_new_tokens = None
    return model


@pytest.mark.slow
@pytest.mark.parametrize("chat", [False, True])
def test_everything_equals_the_transformers_model(nano_bf16: Path, tasks: Path, chat: bool) -> None:
    # through a template the reference writes texts without the prefix, too
    names = ("quiz", "pairs", "answers") if chat else TASKS
    plan = TaskPlan(names, tasks, chat=chat)
    model = OvglmLM(str(nano_bf16), "CPU", max_length=LENGTH, exact=True)
    try:
        ours = _responses(model, plan)
    finally:
        model.close()
    theirs = _responses(_reference(chat), plan)
    assert ours.keys() == theirs.keys() == set(names)
    for name in names:
        assert len(ours[name]) == len(theirs[name]) > 0
        for mine, other in zip(ours[name], theirs[name], strict=True):
            _same(mine[0], other[0])


def _same(mine: Any, other: Any) -> None:
    if isinstance(mine, str):
        assert mine == other
    elif isinstance(mine, float):
        assert mine == pytest.approx(other, rel=1e-5, abs=1e-3)
    else:
        assert mine[0] == pytest.approx(other[0], rel=1e-5, abs=1e-3)
        assert mine[1] == other[1]


def test_tasks_are_scored_by_the_harness(nano_bf16: Path, tasks: Path) -> None:
    plan = TaskPlan(("quiz", "answers"), tasks, limit=2, fewshot=0)
    model = OvglmLM(str(nano_bf16), "CPU", exact=True)
    try:
        scores = run_tasks(model, plan, load_tasks(plan))
    finally:
        model.close()
    assert [(one.task, one.metric) for one in scores] == [
        ("quiz", "acc"),
        ("quiz", "acc_norm"),
        ("answers", "exact_match"),
    ]
    value = scores[0].value
    assert value is not None and value * 2 == int(value * 2)


def test_an_answer_through_the_template_is_nanos_own(nano_bf16: Path, tasks: Path) -> None:
    plan = TaskPlan(("answers",), tasks, chat=True)
    model = OvglmLM(str(nano_bf16), "CPU", exact=True)
    try:
        answers = _responses(model, plan)["answers"]
    finally:
        model.close()
    assert [one[0].strip() for one in answers] == [
        "The capital of Spain is Madrid.",
        "green lamp",
        "1, 2, 3,",  # the task ends its answers at a 4
    ]


def test_an_unfinished_answer_can_be_gone_on_with(nano_bf16: Path) -> None:
    model = OvglmLM(str(nano_bf16), "CPU")
    history = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello "}]
    text = model.apply_chat_template(history, add_generation_prompt=False)
    assert text == "[gMASK]<sop><|user|>\nHi<|assistant|>\nHello"
    model.close()


def test_its_own_command_line_can_make_the_model(
    nano_bf16: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import lm_eval.__main__ as command_line
    from lm_eval.api.registry import get_model

    from ovglm.eval.__main__ import main

    made: list[Any] = []
    told = {"batch_size": 1, "max_batch_size": None, "device": "cuda:0"}
    arguments = f"pretrained={nano_bf16.as_posix()},max_length=64,exact=True"

    def run() -> None:
        kind: Any = get_model("ovglm")
        made.append(kind.create_from_arg_string(arguments, told))

    monkeypatch.setattr(command_line, "cli_evaluate", run)
    main()
    main()
    assert isinstance(made[1], OvglmLM)
    assert made[1].max_length == 64 and made[1].likelihoods.arithmetic == "float32"
    assert made[1].likelihoods.device == "CPU"
    told["device"] = "NPU"
    with pytest.raises(SystemExit, match="no logits"):
        main()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"batch_size": 8}, "batch_size is 8"),
        ({"device": "NPU"}, "no logits"),
    ],
)
def test_what_it_cannot_do_is_refused(
    nano_bf16: Path, arguments: dict[str, Any], words: str
) -> None:
    with pytest.raises(OvglmError, match=words):
        OvglmLM(str(nano_bf16), **arguments)


def test_generation_kwargs_become_sampling() -> None:
    greedy = to_sampling({"until": ["\n", ""], "do_sample": False, "temperature": 0.7}, 99)
    assert (greedy.is_greedy, greedy.stop, greedy.max_new_tokens) == (True, ("\n",), 99)
    drawn = to_sampling({"do_sample": True, "temperature": 0.7, "top_p": 0.9, "max_tokens": 5}, 99)
    assert (drawn.temperature, drawn.top_p, drawn.max_new_tokens) == (0.7, 0.9, 5)
    with pytest.raises(OvglmError, match="asks for num_beams, which the engine has not"):
        to_sampling({"num_beams": 4}, 99)


def test_a_task_that_does_not_exist_is_refused(tasks: Path) -> None:
    with pytest.raises(OvglmError, match="there is no task 'quizz'") as info:
        load_tasks(TaskPlan(("quiz", "quizz"), tasks))
    assert info.value.hint == "lm_eval ls tasks"


def test_data_that_is_not_there_is_refused(tmp_path: Path) -> None:
    folder = write_tasks(tmp_path / "tasks")
    (folder / "quiz.jsonl").unlink()
    with pytest.raises(OvglmError, match="the data of quiz could not be loaded"):
        load_tasks(TaskPlan(("quiz",), folder))


def test_scores_are_finite(nano_bf16: Path, tasks: Path) -> None:
    model = OvglmLM(str(nano_bf16), "CPU")
    found = _responses(model, TaskPlan(("pairs",), tasks))["pairs"]
    model.close()
    assert all(np.isfinite(one[0][0]) and one[0][0] < 0 for one in found)
