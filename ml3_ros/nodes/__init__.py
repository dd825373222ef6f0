"""ROS 2 lifecycle nodes: they convert messages and call the algorithms of the packages below."""
