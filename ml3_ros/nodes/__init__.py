"""Lifecycle nodes: they convert and forward; the thinking is in the packages below."""
