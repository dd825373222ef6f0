# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The effort_bridge node: an arm behind ros2_control behind the topics of a simulated one."""
