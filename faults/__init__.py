"""Faults on purpose, counted: what breaks nodes, files and networks; run by `make faults`."""
