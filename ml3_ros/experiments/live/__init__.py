# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Runs over ROS 2 on the results page: `ml3 up`, replays and recordings."""
