# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Rethink's Sawyer without ROS: interface, driving, emulation, calibration, URDF."""
