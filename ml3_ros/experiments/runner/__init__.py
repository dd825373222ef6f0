"""Shared by experiments: seeds in processes, sweeps, choice of step sizes, page sections."""
