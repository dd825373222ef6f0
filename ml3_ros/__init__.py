"""Meta learning via learned loss for robot arms: a learning core, robots, and ROS 2 nodes."""
