"""What a user can ask of the runtime, beside the model and the device."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from ovglm.errors import OvglmError

__all__ = ["CachePrecision", "Precision", "Preference", "RuntimeOptions"]

CachePrecision = Literal["u8", "f16", "bf16", "f32"]
Precision = Literal["f32", "bf16", "f16"]
Preference = Literal["speed", "power", "memory"]


@dataclass(frozen=True)
class RuntimeOptions:
    """The choices; None leaves one to the device's policy.

    prefer: what AUTO looks at. context: tokens of prompt and answer together that must fit.
    max_response: of these, the tokens kept free for the answer (NPU). kv_cache: the number format
    of the KV cache. threads: CPU threads. precision: the format to calculate in.
    cache: keep the compiled model on disk; cache_dir: where, instead of the store.
    properties: (KEY, VALUE) pairs handed to the plugin as they are.
    requests: how many answers of `context` tokens the KV cache must hold at once.
    draft: the folder of a smaller model that guesses ahead. prompt_lookup: guess from the prompt.
    vision_device: the name of the device that turns pictures into vectors.
    """

    prefer: Preference = "speed"
    context: int | None = None
    max_response: int | None = None
    kv_cache: CachePrecision | None = None
    threads: int | None = None
    precision: Precision | None = None
    cache: bool = True
    cache_dir: Path | None = None
    properties: tuple[tuple[str, str], ...] = ()
    requests: int = 1
    draft: Path | None = None
    prompt_lookup: bool = False
    vision_device: str | None = None

    def __post_init__(self) -> None:
        for name, kinds in (
            ("prefer", Preference),
            ("kv_cache", CachePrecision),
            ("precision", Precision),
        ):
            value = getattr(self, name)
            if value is not None and value not in get_args(kinds):
                known = ", ".join(get_args(kinds))
                raise OvglmError(f"{name.replace('_', ' ')} is {value!r}, not one of {known}")
        for name in ("context", "max_response", "threads", "requests"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise OvglmError(f"{name.replace('_', ' ')} is {value}; it must be at least 1")
        if self.draft and self.prompt_lookup:
            raise OvglmError(
                "a draft model and prompt lookup cannot be used together", "leave out one of them"
            )
