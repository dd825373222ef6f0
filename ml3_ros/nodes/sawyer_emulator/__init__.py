# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A simulated Sawyer behind the topics of the real one, for trying a driver without the robot."""
