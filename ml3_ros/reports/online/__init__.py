"""Report of a run that learned inverse dynamics online, and of tracked laps."""
