"""Identification of an arm from a recording: checks, fits, networks and verdicts."""
