"""A simulated Sawyer behind the topics of the real one, for trying a driver without the robot."""
