"""How the miniature GLM with pictures, `nano-v`, is made: pictures, questions, training, scores."""
