"""Frames of a node: the one that its headers name, and those that it knows from tf."""
