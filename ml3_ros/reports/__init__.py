"""Figures and tables of runs and recordings."""
