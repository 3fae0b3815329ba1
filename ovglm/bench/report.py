"""The figures of a benchmark as data. Measures nothing and prints nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Figures", "LoadTimes", "ReadSpeed", "Report", "Workload"]


@dataclass(frozen=True)
class Workload:
    """What is asked at once: `concurrency` prompts of `prompt` tokens, `output` new tokens each."""

    prompt: int
    output: int
    concurrency: int


@dataclass(frozen=True)
class Figures:
    """How one workload went, the median of its runs.

    first_token_s: from handing a prompt over to its first token. prompt_tokens_s: tokens of all
    prompts per second until the last of them has its first token. request_tokens_s: decode speed
    of one request, without its first token; None for answers of one token. With several at once,
    the prompts of the others are in it, and so in bandwidth_share. total_tokens_s: new
    tokens of all requests per second of the whole run, prompts included. bandwidth_share: the part
    of the measured read speed that decoding uses; None where that says nothing.
    """

    workload: Workload
    first_token_s: float
    prompt_tokens_s: float
    request_tokens_s: float | None
    total_tokens_s: float
    bandwidth_share: float | None = None


@dataclass(frozen=True)
class LoadTimes:
    """Seconds of a load with an empty compiled cache, and from a filled one (None: cache off)."""

    cold_s: float
    warm_s: float | None


@dataclass(frozen=True)
class ReadSpeed:
    """How fast this many threads read plain memory together, in bytes per second."""

    bytes_s: float
    threads: int


@dataclass(frozen=True)
class Report:
    """All that one benchmark found, and where it was found.

    peak_bytes: the most memory that the process and its children held at once, mapped files
    counted. read_speed: None for a device with memory of its own. notes: the engine's own words;
    remarks: how to read the figures.
    """

    model: str
    folder: str
    recipe: str
    device: str
    device_name: str
    engine: str
    is_emulated: bool
    properties: Mapping[str, str]
    runs: int
    load: LoadTimes
    peak_bytes: int
    read_speed: ReadSpeed | None = None
    figures: tuple[Figures, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    machine: str = ""
    notes: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
