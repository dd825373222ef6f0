# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What nodes use of the ROS graph, and the SROS 2 policies that allow just that."""
