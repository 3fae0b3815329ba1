"""Export nano with NNCF on the whole model at once: the road that ours is held against.

The graph is ovglm's own unquantised export, the text is the same; only who compresses differs.
"""

import argparse
import shutil
import sys
from pathlib import Path

import nncf
import numpy as np
import openvino as ov

from ovglm.nano import checkpoint_folder
from ovglm.quality import METHODS
from ovglm.recipe import Recipe
from ovglm_export.calibration import BUILTIN, load_calibration
from ovglm_export.pipeline import ExportOptions, export_checkpoint

_MODEL = "openvino_model.xml"


def _inputs(ids: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Return the model's inputs for one sample."""
    return {
        "input_ids": np.array([ids], np.int64),
        "attention_mask": np.ones((1, len(ids)), np.int64),
        "position_ids": np.arange(len(ids), dtype=np.int64)[None],
        "beam_idx": np.zeros(1, np.int32),
    }


def main() -> int:
    """Compress as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--group-size", type=int, required=True)
    parser.add_argument("--methods", nargs="+", choices=METHODS, required=True)
    asked = parser.parse_args()
    plain = asked.output.with_name(asked.output.name + "-float")
    export_checkpoint(checkpoint_folder(), plain, Recipe("bf16"), ExportOptions(verify="none"))
    text = load_calibration(BUILTIN, plain, Recipe.samples, Recipe.sample_length)
    adjust = nncf.AdvancedCompressionParameters(
        group_size_fallback_mode=nncf.GroupSizeFallbackMode.ADJUST
    )
    model = nncf.compress_weights(
        ov.Core().read_model(plain / _MODEL),
        mode=nncf.CompressWeightsMode.INT4_SYM,
        group_size=asked.group_size,
        ratio=1.0,
        dataset=nncf.Dataset(text, _inputs),
        subset_size=len(text),
        awq="awq" in asked.methods,
        scale_estimation="scale_estimation" in asked.methods,
        gptq="gptq" in asked.methods,
        lora_correction="lora_correction" in asked.methods,
        advanced_parameters=adjust,
    )
    without_model = shutil.ignore_patterns("openvino_model.*")
    shutil.copytree(plain, asked.output, ignore=without_model)
    ov.save_model(model, asked.output / _MODEL, compress_to_fp16=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
