"""What an export of a model that takes pictures does beside that of its text model."""

from dataclasses import dataclass
from pathlib import Path

import openvino as ov

from ovglm.errors import CheckpointError, ExportError
from ovglm.progress import Progress
from ovglm.vision_facts import (
    LANGUAGE_FILE,
    TEXT_EMBEDDINGS_FILE,
    VISION_EMBEDDINGS_FILE,
    VisionFacts,
    VisionWeights,
)
from ovglm.vision_sizes import vision_bytes
from ovglm_export.checkpoint import Checkpoint
from ovglm_export.spool import Spool
from ovglm_export.text_models import embedding_alone
from ovglm_export.vision.processor import Processor, read_processor, write_processor
from ovglm_export.vision.spooling import join_tower, spool_tower
from ovglm_export.vision.tower import VisionArchitecture

__all__ = ["DEFAULT_WEIGHTS", "VisionExport", "plan_vision"]

DEFAULT_WEIGHTS: VisionWeights = "int8"
# Of one conversation: both families' own code replaces the tokens of one picture
# (THUDM/GLM-Edge, convert_v.py; THUDM/glm-4v-9b, modeling_chatglm.py).
_MOST_PICTURES = 1


@dataclass(frozen=True)
class VisionExport:
    """The tower of one export."""

    checkpoint: Checkpoint
    arch: VisionArchitecture
    weights: VisionWeights
    processor: Processor

    @property
    def size_bytes(self) -> int:
        """Return the size of all matrices as they are stored."""
        return vision_bytes(self.arch, self.weights)

    def spool(self, spool: Spool, progress: Progress) -> None:
        """Make the tower's parts."""
        spool_tower(self.checkpoint, self.arch, self.weights, spool, progress)

    def write(self, spool: Spool, folder: Path) -> None:
        """Write the tower, the embedding and the preprocessor config from the spooled parts."""
        table = embedding_alone(spool.load("embedding"))
        ov.save_model(table, folder / TEXT_EMBEDDINGS_FILE, compress_to_fp16=False)
        tower = join_tower(self.arch, spool)
        ov.save_model(tower, folder / VISION_EMBEDDINGS_FILE, compress_to_fp16=False)
        write_processor(self.processor, folder)

    def graphs(self, folder: Path) -> list[Path]:
        """List the IRs that hold matrices."""
        names = (TEXT_EMBEDDINGS_FILE, LANGUAGE_FILE, VISION_EMBEDDINGS_FILE)
        return [folder / name for name in names]

    def facts(self) -> VisionFacts:
        """Say what a runtime needs to know."""
        arch, steps = self.arch, self.processor
        return VisionFacts(
            tower=arch.tower,
            weights=self.weights,
            image_size=arch.image_size,
            patch_size=arch.patch_size,
            channels=arch.channels,
            image_hidden_size=arch.hidden_size,
            hidden_size=arch.output_size,
            vectors=arch.vectors,
            resize=steps.resize,
            resample=steps.resample,
            rescale=steps.rescale,
            mean=steps.mean,
            std=steps.std,
            begin_id=arch.begin_id,
            end_id=arch.end_id,
            placement=arch.placement,
            positions=arch.positions,
            most_pictures=_MOST_PICTURES,
        )


def plan_vision(checkpoint: Checkpoint, wanted: VisionWeights | None) -> VisionExport | None:
    """Read what the tower needs; None for a model of text alone.

    wanted: how its matrices are stored; None means the default.
    Raises ExportError for a wish that has no tower, CheckpointError for what cannot be exported.
    """
    arch = checkpoint.vision
    if arch is None:
        if wanted is not None:
            raise ExportError(
                f"{checkpoint.folder.name} takes no pictures, so --vision-weights {wanted} has no "
                "meaning",
                "leave out --vision-weights",
            )
        return None
    text = checkpoint.architecture
    for field, token in (("boi_token_id", arch.begin_id), ("eoi_token_id", arch.end_id)):
        if token >= text.vocab_size:
            raise CheckpointError(
                f"config.json has {field} = {token}, but only {text.vocab_size} tokens",
                "copy the checkpoint's own config.json again",
            )
    taken = arch.vectors if arch.positions == "each" else 3
    if taken >= text.max_positions:
        raise CheckpointError(
            f"a picture takes {taken} positions, but the model has {text.max_positions}",
            "copy the checkpoint's own config.json again",
        )
    processor = read_processor(checkpoint.folder, arch)
    return VisionExport(checkpoint, arch, wanted or DEFAULT_WEIGHTS, processor)
