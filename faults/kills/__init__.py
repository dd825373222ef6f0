"""What the bench `kills` does, one node a file: it is killed, started again, and compared."""
