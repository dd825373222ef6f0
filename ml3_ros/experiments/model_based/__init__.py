"""Model-based policy optimization (Fig. 3): reaching losses of a point mass and the Reacher."""
