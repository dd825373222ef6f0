"""Meta-training tasks: families, recipes and priors of inverse dynamics, reaching and sines."""
