"""Meta-training of phi (Algorithm 1): trainer, gradient and gradient-free estimators."""
