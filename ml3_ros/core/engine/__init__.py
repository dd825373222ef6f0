"""Execution engines of the inner loop: eager autograd, replayed and compiled graphs."""
