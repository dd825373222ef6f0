"""ROS 2 lifecycle nodes: they convert messages and call the packages below."""
