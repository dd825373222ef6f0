"""Generalisation of one learned loss to networks of other depths, widths and nonlinearities."""
