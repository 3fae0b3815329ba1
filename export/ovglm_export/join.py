"""Joins the parts into the one model that openvino.genai and optimum-intel read."""

import openvino.opset13 as ops
from openvino import Model, Output, PartialShape, Type

from ovglm_export.graph import make_model

__all__ = ["INPUTS", "join_parts"]

INPUTS = ("input_ids", "attention_mask", "position_ids", "beam_idx")
# Guards half-precision devices against overflow in the last layers, as optimum-intel does.
_ACTIVATIONS_SCALE = "8.0"


def join_parts(
    embedding: Model, layers: list[Model], head: Model, tied_weight: Output | None
) -> Model:
    """Join the parts in order: each layer's inputs become the previous outputs.

    tied_weight: the embedding's decompressed matrix where the head has none of its own.
    The parts are consumed: their inputs are replaced in place.
    """
    beam_idx = ops.parameter(PartialShape([-1]), Type.i32, name="beam_idx")
    beam_idx.output(0).set_names({"beam_idx"})
    flow = {name: _source(embedding, name) for name in ("hidden", "cos", "sin", "mask")}
    flow["beam_idx"] = beam_idx.output(0)
    sinks = []
    for layer in layers:
        out = _source(layer, "hidden_out")
        _connect(layer, flow)
        flow["hidden"] = out
        sinks += layer.get_sinks()
    if tied_weight is not None:
        flow["tied_weight"] = tied_weight
    logits = _source(head, "logits")
    _connect(head, flow)
    result = ops.result(logits, name="logits")
    result.output(0).set_names({"logits"})
    model = make_model([result], [*embedding.get_parameters(), beam_idx], "ovglm", sinks)
    _label(model)
    return model


def _source(part: Model, name: str) -> Output:
    """Return what feeds a part's named output."""
    return part.output(name).get_node().input_value(0)


def _connect(part: Model, flow: dict[str, Output]) -> None:
    """Feed a part's inputs from the flow."""
    for parameter in part.get_parameters():
        parameter.output(0).replace(flow[parameter.friendly_name])


def _label(model: Model) -> None:
    """Give the inputs and the model the names and hints that readers look for."""
    for parameter in model.get_parameters():
        # The paged-attention transformation finds its inputs by friendly name.
        parameter.set_friendly_name(next(iter(parameter.output(0).names)))
    model.set_rt_info(_ACTIVATIONS_SCALE, ["runtime_options", "ACTIVATIONS_SCALE_FACTOR"])
