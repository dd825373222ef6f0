# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Repair of recorded joint states: names, values, stamps, publishers, spikes, velocities."""
