"""Inverse dynamics: task family, recordings, physics prior and recipe of meta-training."""
