# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""ROS bags: joint states read as arrays, and messages written while a robot runs."""
