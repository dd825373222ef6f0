# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Between ROS messages or recordings and arrays: no state, no mathematics."""
