"""INT4 that is fitted to calibration text, layer by layer: statistics, solver, and the loop."""
