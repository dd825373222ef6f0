"""ROS 2 lifecycle nodes: they convert and forward; the thinking is in the rooms below."""
