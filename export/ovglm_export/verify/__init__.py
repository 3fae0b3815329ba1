"""How far an export is from its checkpoint: both run layer by layer over the same fixed texts."""
