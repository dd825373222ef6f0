# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Control of an arm: trajectories, controllers, feedforward, safety stage before the motors."""
