"""Cuts a whole exported model at its layers' boundaries, so that it runs in the memory of one.

The boundaries are found in the graph and not by name: an export of any recipe, or by another tool,
is cut alike.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import openvino as ov
from openvino import Node, Output

from ovglm.errors import FolderError
from ovglm_export.graph import make_model, named_input, named_output

__all__ = ["CutModel", "cut_graph", "cut_model"]

_DYNAMIC_GROUPS = "DYNAMIC_QUANTIZATION_GROUP_SIZE"


@dataclass(frozen=True)
class CutModel:
    """The parts of a model in their order: the embedding, the layers, the head.

    A part takes hidden states [B, T, H] as `hidden_N`, and whatever it needs of the model's own
    inputs. It may have a second `hidden_N`, of which only the shape counts: the same states do.
    It gives `hidden_out` or `logits`. There is no KV cache: sequences are run from their beginning.
    dynamic_groups: the group size in which this model asks the CPU to round its activations; None
    leaves it to the plugin.
    """

    parts: tuple[ov.Model, ...]
    dynamic_groups: str | None


def cut_model(path: Path, layers: int, hidden_size: int) -> CutModel:
    """Read a model (.xml), whose weights stay mapped, and cut it into layers + 2 parts.

    Raises FolderError where the graph is not that of a decoder with so many layers.
    """
    return cut_graph(ov.Core().read_model(path), str(path), layers, hidden_size)


def cut_graph(model: ov.Model, name: str, layers: int, hidden_size: int) -> CutModel:
    """Cut a model that was read; it is changed. name: how an error calls it."""
    borders = _find_borders(model, layers, hidden_size)
    if borders is None or not all(op.get_input_size() for op in _caches(model)):
        raise FolderError(
            f"{name} is no graph of {layers} layers over {hidden_size} channels, so it cannot be "
            "run layer by layer",
            "give the checkpoint that this folder was made from with --against",
        )
    groups = None
    if model.has_rt_info(["runtime_options", _DYNAMIC_GROUPS]):
        groups = str(model.get_rt_info(["runtime_options", _DYNAMIC_GROUPS]).value)
    return CutModel(_cut(model, borders), groups)


def _find_borders(model: ov.Model, layers: int, hidden_size: int) -> list[Output] | None:
    """Find what flows into the first layer, and out of each.

    It is what every path from the ids to the logits passes through: the states between blocks.
    Two residual additions belong to a layer.
    """
    found = [out for out in _bottlenecks(model) if _is_hidden(out, hidden_size)]
    added = [place for place, out in enumerate(found) if out.get_node().get_type_name() == "Add"]
    if len(added) != 2 * layers or added[0] == 0:
        return None
    return [found[added[0] - 1], *(found[place] for place in added[1::2])]


def _is_hidden(out: Output, hidden_size: int) -> bool:
    shape = out.get_partial_shape()
    return shape.rank.is_static and shape.rank.get_length() == 3 and shape[2] == hidden_size


def _bottlenecks(model: ov.Model) -> list[Output]:
    """List the nodes that all paths from input_ids to the logits share, in their order.

    Where every node comes before those it feeds, a node is shared if no edge leads from before it
    to behind it. Shapes carry no states, so ShapeOf ends a path.
    """
    ids = next((one for one in model.inputs if "input_ids" in one.get_names()), None)
    if ids is None:
        return []
    order = {node.get_name(): place for place, node in enumerate(model.get_ordered_ops())}
    ahead = _reach(ids.get_node(), _fed_by)
    behind = _reach(model.output("logits").get_node(), _feeding)
    path = {name: node for name, node in ahead.items() if name in behind}
    furthest, found = -1, []
    for name, node in sorted(path.items(), key=lambda one: order[one[0]]):
        if furthest <= order[name] and node.get_output_size() == 1:
            found.append(node.output(0))
        nexts = [order[one.get_name()] for one in _fed_by(node) if one.get_name() in path]
        furthest = max([furthest, *nexts])
    return found


def _cut(model: ov.Model, borders: list[Output]) -> tuple[ov.Model, ...]:
    """Put an input behind every border; what is left between two of them is a part."""
    _forget_past(model)
    for place, border in enumerate(borders):
        name, width = f"hidden_{place}", border.get_partial_shape()[2].get_length()
        given = named_input(name, [-1, -1, width])
        border.replace(given.output(0))
        given.output(0).set_names({name})  # with it came the border's own names
    ends = [named_output(border, "hidden_out") for border in borders]
    ends.append(model.output("logits").get_node())
    return tuple(_part(end) for end in ends)


def _forget_past(model: ov.Model) -> None:
    """Take the KV cache out: sequences begin here, so it is what it is filled with at first."""
    for op in _caches(model):
        op.output(0).replace(op.input_value(0))


def _caches(model: ov.Model) -> list[Node]:
    """List what reads the KV cache; in a graph of another kind it may have no first value."""
    return [op for op in model.get_ordered_ops() if op.get_type_name() == "ReadValue"]


def _part(end: Node) -> ov.Model:
    """Make the part in front of an end."""
    found = _reach(end, _feeding).values()
    return make_model([end], [one for one in found if one.get_type_name() == "Parameter"], "part")


def _reach(start: Node, step: Callable[[Node], list[Node]]) -> dict[str, Node]:
    """Collect all nodes that steps lead to, the start included, by their unique names."""
    found, waiting = {start.get_name(): start}, [start]
    while waiting:
        for node in step(waiting.pop()):
            if node.get_name() not in found:
                found[node.get_name()] = node
                waiting.append(node)
    return found


def _fed_by(node: Node) -> list[Node]:
    """List the nodes that take this one's values, not only their shape."""
    targets = [port.get_node() for out in node.outputs() for port in out.get_target_inputs()]
    return [target for target in targets if target.get_type_name() != "ShapeOf"]


def _feeding(node: Node) -> list[Node]:
    """List the nodes that this one takes."""
    return [value.get_node() for value in node.input_values()]
