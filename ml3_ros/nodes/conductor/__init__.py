"""The conductor: starts, orders and ends the nodes of a system."""
