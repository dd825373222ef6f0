"""The topics adaptation/METHOD, on which learners publish how each of their methods is doing."""
