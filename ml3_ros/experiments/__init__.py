"""The paper's experiments, one folder a figure: config in, metrics.json and a figure out."""
