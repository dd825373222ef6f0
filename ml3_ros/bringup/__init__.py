"""Which nodes, parameters and arguments make a system; `ml3 up` and ros2 launch read the same."""
