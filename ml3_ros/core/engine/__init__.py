"""Execution engines of outer steps: autograd, replayed and compiled graphs, `higher`."""
