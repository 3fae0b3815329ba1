"""Export with optimum-intel's AWQ and scale estimation, in its own environment; writes a folder."""

import argparse
import json
import sys
from pathlib import Path


def main() -> int:
    """Export what the command line names."""
    from optimum.intel import (  # pyright: ignore (not in our environment)
        OVModelForCausalLM,
        OVWeightQuantizationConfig,
    )

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source")
    parser.add_argument("output")
    parser.add_argument("texts", type=Path, help="a JSON list of the calibration samples' texts")
    asked = parser.parse_args()
    texts = json.loads(asked.texts.read_text(encoding="utf-8"))
    config = OVWeightQuantizationConfig(
        bits=4,
        sym=True,
        group_size=128,
        ratio=1.0,
        quant_method="awq",
        scale_estimation=True,
        dataset=texts,
        num_samples=len(texts),
        tokenizer=asked.source,
    )
    model = OVModelForCausalLM.from_pretrained(
        asked.source, export=True, compile=False, quantization_config=config
    )
    model.save_pretrained(asked.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
