# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""MountainCar with a shaped loss (Fig. 6a, b), beside iLQR."""
