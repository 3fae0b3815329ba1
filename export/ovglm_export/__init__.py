"""Checkpoint to OpenVINO IR: reads GLM weights, writes the graph, compresses it layer by layer."""
