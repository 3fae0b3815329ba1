"""The text model of a vision-language export, in two IRs: the embedding, and all behind it.

Both are cut from the same spooled part as in an export of text alone; put together they are that
model again.
"""

from pathlib import Path

import openvino as ov

from ovglm.vision_facts import LANGUAGE_FILE, TEXT_EMBEDDINGS_FILE
from ovglm_export.graph import make_model, named_input, named_output
from ovglm_export.plan import EMBEDDING

__all__ = ["EMBEDS", "embedding_alone", "read_text_model", "without_embedding"]

# The names that optimum-intel gives the two ends.
EMBEDS = "inputs_embeds"
_IDS, _IDS_ALONE = "input_ids", "input"
_MODEL_FILE = "openvino_model.xml"
_OPTIONS = "runtime_options"


def embedding_alone(first: ov.Model) -> ov.Model:
    """Cut the table's look-up out of the spooled first part.

    `input` int64 [B, T] in, `inputs_embeds` float32 [B, T, H] out.
    """
    hidden = first.output("hidden").get_node().input_value(0)
    ids = first.input(_IDS).get_node()
    _rename(ids, _IDS_ALONE)
    return make_model([named_output(hidden, EMBEDS)], [ids], "text_embeddings")


def without_embedding(model: ov.Model) -> ov.Model:
    """Take `inputs_embeds` float32 [B, T, H] in the place of a text model's ids and its table."""
    found = next(op for op in model.get_ops() if op.get_friendly_name() == EMBEDDING)
    width = found.get_output_partial_shape(0)[2].get_length()
    embeds, ids = named_input(EMBEDS, [-1, -1, width]), model.input(_IDS).get_node()
    found.output(0).replace(embeds.output(0))
    # What is left of the ids is their length, which the vectors have as well.
    ids.output(0).replace(embeds.output(0))
    _rename(embeds, EMBEDS)  # with the states came their own names
    return _with_input(model, ids, embeds)


def read_text_model(folder: Path) -> ov.Model:
    """Read the text model of an exported folder: from `input_ids` to `logits`, its weights mapped.

    That of a vision-language export is put together again.
    """
    core = ov.Core()
    if not (folder / LANGUAGE_FILE).is_file():
        return core.read_model(folder / _MODEL_FILE)
    table = core.read_model(folder / TEXT_EMBEDDINGS_FILE)
    language = core.read_model(folder / LANGUAGE_FILE)
    ids, embeds = table.input(_IDS_ALONE).get_node(), language.input(EMBEDS).get_node()
    embeds.output(0).replace(table.output(EMBEDS).get_node().input_value(0))
    _rename(ids, _IDS)
    return _with_input(language, embeds, ids)


def _with_input(model: ov.Model, old: ov.Node, new: ov.Node) -> ov.Model:
    """Make the model anew with another first input, and with the options that it gives."""
    others = [
        one for one in model.get_parameters() if one.get_friendly_name() != old.get_friendly_name()
    ]
    made = make_model(
        model.get_results(), [new, *others], model.get_friendly_name(), model.get_sinks()
    )
    given = model.get_rt_info([_OPTIONS]).value if model.has_rt_info([_OPTIONS]) else {}
    for name, value in given.items():
        made.set_rt_info(value, [_OPTIONS, name])
    return made


def _rename(parameter: ov.Node, name: str) -> None:
    parameter.output(0).set_names({name})
    parameter.set_friendly_name(name)
