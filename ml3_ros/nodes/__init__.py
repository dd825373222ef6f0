# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""ROS 2 lifecycle nodes: they convert messages and call the packages below."""
