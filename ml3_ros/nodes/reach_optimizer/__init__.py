# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The reach_optimizer node: trains policies that reach goals, by episodes on the arm."""
