# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Meta-reinforcement learning: worlds with hidden tasks, and methods that adapt to them."""
