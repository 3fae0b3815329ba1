"""The part of a GLM that looks at pictures: read from a checkpoint, built, compressed, verified."""
