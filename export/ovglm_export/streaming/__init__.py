"""Exports a checkpoint straight from its hub, one layer at a time: the disk need not hold it."""

from ovglm_export.streaming.export import Forecast, check_streamable, stream_checkpoint
from ovglm_export.streaming.finding import config_folder, find_streamable, refuse_local

__all__ = [
    "Forecast",
    "check_streamable",
    "config_folder",
    "find_streamable",
    "refuse_local",
    "stream_checkpoint",
]
