"""Runs over ROS 2 on the results page: `ml3 up`, replays and recordings."""
