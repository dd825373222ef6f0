"""Systems: which nodes, parameters and arguments; read by `ml3 up` and by ros2 launch."""
