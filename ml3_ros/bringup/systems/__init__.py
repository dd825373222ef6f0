"""The systems that `ml3 up` and the launch files start, one file a system."""
