"""Wrong messages and files, the same ones for the same seed; starts no node."""
