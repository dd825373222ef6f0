"""MountainCar with a shaped loss (Fig. 6a, b), beside iLQR."""
