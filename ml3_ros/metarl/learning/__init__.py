# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What methods of meta-reinforcement learning share: trials, PPO, soft actor-critic, models."""
