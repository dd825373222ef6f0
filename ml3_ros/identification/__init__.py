"""What a recording says about an arm: checks, fits, networks, verdicts, a report."""
