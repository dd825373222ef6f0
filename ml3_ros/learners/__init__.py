"""Online adaptation (meta-test, Algorithm 2): knows no model of the arm; imports core and data only."""
