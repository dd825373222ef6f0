# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The tracking_controller node: laps of a motion with exchangeable feedforward torques."""
