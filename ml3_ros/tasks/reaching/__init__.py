# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Reaching goals: differentiable worlds, policies, and learned losses for them."""
