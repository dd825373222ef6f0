"""The paper's experiments: config in, metrics.json and a figure out."""
