"""One stream of hidden states on its way through a layer, stage by stage.

A stage ends where matrices multiply: it yields their inputs, for statistics, and keeps on disk what
the next stage needs. When a stage's matrices are solved, the next one runs with the solved ones, so
each part of a layer is run once, and every matrix is fitted to the inputs that it will really get.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from openvino import Node

from ovglm_export.graph import make_model, named_input, named_output
from ovglm_export.hidden import HiddenStates, Positions, run_part
from ovglm_export.parts import PartBuilder, SharedInputs

__all__ = ["STAGES", "LayerStream"]

# The matrices of a layer that share inputs, in the order of the graph.
STAGES = (
    ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    ("self_attn.o_proj",),
    ("mlp.gate_up_proj",),
    ("mlp.down_proj",),
)


class LayerStream:
    """The states of all samples between the stages of one layer.

    builder: gives the layer's weights as they are at the moment. hidden: the layer's input.
    scratch: a folder for what lies between the stages. properties: of the CPU plugin.
    """

    def __init__(
        self,
        builder: PartBuilder,
        layer: int,
        hidden: HiddenStates,
        positions: Positions,
        scratch: Path,
        properties: Mapping[str, str],
    ) -> None:
        self._properties = properties
        self._builder = builder
        self._layer = layer
        self._positions = positions
        self._scratch = scratch
        self._kept = {"hidden": hidden}
        arch = builder.architecture
        self._widths = {
            "hidden": arch.hidden_size,
            "mixed": arch.heads * arch.head_dim,
            "between": arch.hidden_size,
            "product": arch.intermediate_size,
        }

    def inputs(self, stage: int) -> Iterator[np.ndarray]:
        """Run a stage; yields what its matrices multiply: float32 [tokens, width] of each sample.

        The stages are to be run in their order, each to its end.
        """
        stages = (self._run_norm, self._run_attention, self._run_between, self._run_gate)
        return stages[stage]()

    def finish(self, target: HiddenStates) -> None:
        """Run what is left of the layer and write its output."""
        between, product = self._input("between"), self._input("product")
        out = self._builder.close_mlp(self._layer, between, product)
        for at, found in enumerate(self._run({"out": out}, [between, product])):
            target.write(at, found["out"])
        self._drop("between", "product")

    def _run_norm(self) -> Iterator[np.ndarray]:
        hidden = self._input("hidden")
        normed = self._builder.attention_norm(self._layer, hidden)
        for found in self._run({"normed": normed}, [hidden]):
            yield found["normed"]

    def _run_attention(self) -> Iterator[np.ndarray]:
        hidden, flow = self._input("hidden"), SharedInputs.make(self._builder.architecture)
        mixed, sinks = self._builder.attend(self._layer, hidden, flow)
        kept = self._keep("mixed")
        for at, found in enumerate(self._run({"mixed": mixed}, [hidden], flow, sinks)):
            kept.write(at, found["mixed"])
            yield found["mixed"]

    def _run_between(self) -> Iterator[np.ndarray]:
        hidden, mixed = self._input("hidden"), self._input("mixed")
        between = self._builder.close_attention(self._layer, hidden, mixed)
        normed = self._builder.mlp_norm(self._layer, between)
        outputs = {"between": between, "normed": normed}
        kept = self._keep("between")
        for at, found in enumerate(self._run(outputs, [hidden, mixed])):
            kept.write(at, found["between"])
            yield found["normed"]
        self._drop("mixed")

    def _run_gate(self) -> Iterator[np.ndarray]:
        between = self._input("between")
        normed = self._builder.mlp_norm(self._layer, between)
        product = self._builder.gate(self._layer, normed)
        kept = self._keep("product")
        for at, found in enumerate(self._run({"product": product}, [between])):
            kept.write(at, found["product"])
            yield found["product"]

    def _run(
        self,
        outputs: dict[str, Node],
        inputs: list[Node],
        flow: SharedInputs | None = None,
        sinks: list[Node] | None = None,
    ) -> Iterator[dict[str, np.ndarray]]:
        """Make a model of the nodes and run it over all samples."""
        results = [named_output(node, name) for name, node in outputs.items()]
        parameters = [*inputs, *(flow.nodes() if flow else [])]
        model = make_model(results, parameters, "stage", sinks)
        sources = {one.get_friendly_name(): self._kept[one.get_friendly_name()] for one in inputs}
        return run_part(model, sources, self._positions if flow else None, self._properties)

    def _input(self, name: str) -> Node:
        return named_input(name, [-1, -1, self._widths[name]])

    def _keep(self, name: str) -> HiddenStates:
        """Make the file of states that the next stages need."""
        path = self._scratch / f"{name}.states"
        lengths, dtype = self._kept["hidden"].lengths, self._kept["hidden"].dtype
        self._kept[name] = HiddenStates(path, lengths, self._widths[name], dtype).create()
        return self._kept[name]

    def _drop(self, *names: str) -> None:
        for name in names:
            self._kept.pop(name).remove()
