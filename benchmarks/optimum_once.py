"""Measure optimum-intel's `generate` on one folder in this process; prints one JSON object."""

import argparse
import sys
from collections.abc import Iterator
from queue import SimpleQueue
from threading import Thread

from benchmarks.generation import measure_generation


class _Relay:
    """The streamer that transformers' generate() hands each new id to."""

    def __init__(self) -> None:
        self.ids: SimpleQueue[int | None] = SimpleQueue()
        self._is_prompt = True

    def put(self, value: object) -> None:
        """Take the prompt once, then one id at a time."""
        if self._is_prompt:
            self._is_prompt = False
            return
        self.ids.put(int(value[0]))  # type: ignore[index]

    def end(self) -> None:
        """Tell the reader that no more will come."""
        self.ids.put(None)


def main() -> int:
    """Measure what the command line names."""
    import torch
    from optimum.intel import OVModelForCausalLM  # pyright: ignore (not in our environment)

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    asked = parser.parse_args()
    model = OVModelForCausalLM.from_pretrained(asked.folder, device="CPU")

    def generate(prompt: list[int], new_tokens: int) -> Iterator[int]:
        relay, ids = _Relay(), torch.tensor([prompt])
        lengths = {"min_new_tokens": new_tokens, "max_new_tokens": new_tokens}
        fixed = {"attention_mask": torch.ones_like(ids), "do_sample": False, **lengths}
        work = Thread(target=lambda: model.generate(ids, streamer=relay, **fixed))
        work.start()
        yield from iter(relay.ids.get, None)
        work.join()

    print(measure_generation(generate))
    return 0


if __name__ == "__main__":
    sys.exit(main())
