"""What a benchmark measures: every combination that a user asked for. Runs nothing."""

from dataclasses import dataclass, replace
from itertools import product

from ovglm.bench.report import Workload
from ovglm.devices.options import RuntimeOptions
from ovglm.errors import OvglmError

__all__ = ["Plan"]


@dataclass(frozen=True)
class Plan:
    """Every prompt length with every answer length at every concurrency, `runs` times each."""

    prompts: tuple[int, ...] = (512,)
    outputs: tuple[int, ...] = (128,)
    concurrencies: tuple[int, ...] = (1,)
    runs: int = 3
    seed: int = 0

    @property
    def workloads(self) -> tuple[Workload, ...]:
        lengths = product(self.prompts, self.outputs, self.concurrencies)
        return tuple(Workload(*one) for one in lengths)

    def fill_in(self, options: RuntimeOptions) -> RuntimeOptions:
        """Ask for the room that the largest workload takes, where the user asked for none.

        Raises OvglmError where the user asked for less.
        """
        longest, answer = max(self.prompts), max(self.outputs)
        if options.context and options.context < longest + answer:
            raise OvglmError(
                f"a prompt of {longest} tokens and an answer of {answer} do not fit into a context "
                f"of {options.context}",
                hint=f"--context {longest + answer}",
            )
        return replace(
            options,
            context=options.context or longest + answer,
            max_response=options.max_response or answer,
            requests=max(options.requests, *self.concurrencies),
        )
