"""Sines: their regression (Fig. 2, top) and their frequency (Fig. 5a, b); no robot in them."""
