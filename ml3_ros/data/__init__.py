"""Samples of an arm as data: filters, bags read and written, run folders, metrics files."""
