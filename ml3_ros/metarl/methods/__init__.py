# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Methods of meta-reinforcement learning, one file each: a world in, an agent out."""
