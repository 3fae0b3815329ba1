"""Exports the miniature with pictures and asks it the held-out set as a user would; the table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import ovglm
from nano_training.answers import is_right
from nano_training.evaluate import Examination
from nano_v_training.data import PictureSample, held_out_samples
from nano_v_training.drawing import draw
from ovglm.devices.options import RuntimeOptions
from ovglm.messages import Message, Sampling
from ovglm.nano import checkpoint_folder
from ovglm.pictures import Picture, read_picture

__all__ = ["ask", "to_messages"]

MOST_TOKENS = 32
EXACT = RuntimeOptions(precision="f32", kv_cache="f32", cache=False)


def ask(folder: Path, samples: Sequence[PictureSample]) -> Iterator[tuple[PictureSample, bool]]:
    """Answer each prompt greedily, in float32 arithmetic; yield whether the answer is right."""
    sampling = Sampling(max_new_tokens=MOST_TOKENS)
    with ovglm.load(folder, "CPU", options=EXACT, say=lambda text: None) as model:
        facts = model.info.vision
        assert facts is not None
        for sample in samples:
            pictures = (read_picture(draw(sample.scene), facts),) if sample.scene else ()
            found = model.chat(to_messages(sample, pictures), sampling)
            stop = "<|user|>" if found.finish_reason == "stop" else None
            yield sample, is_right(sample, found.text, stop)


def to_messages(sample: PictureSample, pictures: tuple[Picture, ...]) -> list[Message]:
    """Return the conversation up to the question, the pictures with the turn that shows them."""
    messages = []
    for turn in sample.prompt:
        texts = "".join(part.get("text", "") for part in turn["content"])
        shown = any(part["type"] == "image" for part in turn["content"])
        messages.append(Message(turn["role"], texts, pictures=pictures if shown else ()))
    return messages


HEADER = """# Accuracy of nano-v

Questions about held-out pictures answered by the exported model: greedy, CPU, OpenVINO {},
arithmetic and key-value cache in float32, the tower in INT8. No picture was in training, and no
picture in training showed the looks of `new looks`; see `export/nano_v_training/README.md`. An
answer is right when the text is as expected and the model ends it. Made by
`PYTHONPATH=export python -m nano_v_training.evaluate --output benchmarks/results/nano-v.md`.

"""


if __name__ == "__main__":
    Examination(checkpoint_folder("nano-v"), HEADER, held_out_samples, ask).run(__doc__)
