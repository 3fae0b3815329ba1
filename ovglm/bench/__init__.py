"""How fast a model answers on this machine: measured through the public engine, then shown."""
