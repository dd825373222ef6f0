"""Everything about Rethink's Sawyer that needs no ROS: interface, driving, emulation, calibration, URDF."""
