"""Sine regression (Fig. 2, top) and the frequency of a sine with a shaped loss (Fig. 5a, b)."""
