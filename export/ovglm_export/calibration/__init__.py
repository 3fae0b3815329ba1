"""Calibration text: the built-in set or a user's file, as samples of token ids."""

from ovglm_export.calibration.loading import BUILTIN, check_calibration, load_calibration

__all__ = ["BUILTIN", "check_calibration", "load_calibration"]
