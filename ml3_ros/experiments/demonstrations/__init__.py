"""Losses from demonstrations (Fig. 6c, d): an expert's motions shape a loss for new targets."""
