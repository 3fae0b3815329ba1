"""Machines and models on paper, for tests that choose devices. Knows no OpenVINO."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from ovglm.devices.device import Device
from ovglm.devices.facts import ModelFacts

__all__ = ["ARC", "CORE_CPU", "EMULATED_NPU", "GB", "IRIS", "LUNAR_NPU", "METEOR_NPU", "model"]

GB = 10**9

CORE_CPU = Device(
    "CPU", "Intel Core Ultra 7", "CPU", 32 * GB, 20 * GB, None, ("FP32", "INT8"),
    frozenset({"DYNAMIC_QUANTIZATION_GROUP_SIZE", "ENABLE_CPU_PINNING", "NUM_STREAMS"}),
)  # fmt: skip
IRIS = Device(
    "GPU.0", "Intel(R) Iris(R) Xe Graphics (iGPU)", "integrated GPU", 16 * GB, 10 * GB, None,
    ("FP32", "FP16", "INT8"), frozenset({"NUM_STREAMS", "GPU_QUEUE_THROTTLE"}),
)  # fmt: skip
ARC = Device(
    "GPU.1", "Intel(R) Arc(TM) B580 Graphics (dGPU)", "discrete GPU", 12 * GB, None, None,
    ("FP32", "FP16", "INT8"), frozenset({"NUM_STREAMS", "GPU_QUEUE_THROTTLE"}),
)  # fmt: skip
LUNAR_NPU = Device(
    "NPU", "Intel(R) AI Boost", "NPU", 32 * GB, 20 * GB, "32.0.100.4778", ("FP16", "INT8"),
    frozenset({"NPU_DEFER_WEIGHTS_LOAD", "PERFORMANCE_HINT"}), "4000",
)  # fmt: skip
METEOR_NPU = replace(LUNAR_NPU, architecture="3720")
EMULATED_NPU = replace(
    LUNAR_NPU, name="emulated NPU", driver=None, precisions=("FP32", "FP16", "INT8"),
    properties=LUNAR_NPU.properties | CORE_CPU.properties, architecture="", is_emulated=True,
)  # fmt: skip


def model(**changes: Any) -> ModelFacts:
    """GLM-Edge-1.5B in INT4, or what `changes` make of it."""
    edge = ModelFacts(
        name="glm-edge-1.5b-chat", folder=Path("edge"), weights_bytes=940_000_000, layers=28,
        kv_heads=4, head_dim=128, hidden=2048, vocabulary=59264, context_length=8192,
        stop_ids=(59246, 59253, 59255), dialect="glm_edge", fingerprint="f", recipe="int4-g128",
        illegal={"CPU": "", "GPU": "", "NPU": ""}, mend="ovglm export edge --device NPU",
        formats=frozenset({"int4 sym g128"}),
    )  # fmt: skip
    return replace(edge, **changes)
