"""Between ROS messages or recordings and arrays: no state, no mathematics."""
