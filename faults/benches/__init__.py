"""One file for each NAME of `python -m faults NAME`; its `bench` returns what it has measured."""
