"""Report of a run that learned to reach: figure, moving picture, table."""
