"""The engine of models that see: a tower, an embedding table and a stateful language model."""
