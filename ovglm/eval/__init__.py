"""How well an exported model predicts: perplexity, multiple choice, and lm-evaluation-harness."""
