"""Online adaptation (meta-test, Algorithm 2) without a model of the arm: core and data only."""
