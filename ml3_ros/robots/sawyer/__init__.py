"""Rethink's Sawyer without ROS: interface, driving, emulation, calibration, URDF."""
