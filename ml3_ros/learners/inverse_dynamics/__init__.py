"""Online learning of inverse dynamics: all methods side by side on one stream of samples."""
