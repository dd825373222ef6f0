"""Online adaptation (meta-test, Algorithm 2): imports core and data only, never a model of the arm."""
