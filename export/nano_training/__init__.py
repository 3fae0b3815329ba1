"""How the miniature GLM `nano` is made: data, tokenizer, training and evaluation."""
