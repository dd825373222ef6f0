"""Meta-training tasks: families, recipes and priors of inverse dynamics and reaching."""
