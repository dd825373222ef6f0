# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Model-free policy optimization (Fig. 4): goals for Gymnasium's robots, beside PPO."""
