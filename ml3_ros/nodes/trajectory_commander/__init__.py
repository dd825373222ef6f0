# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The trajectory_commander node: motions for a user's own joint_trajectory_controller."""
