"""The `ml3` command: parse, call, print."""
