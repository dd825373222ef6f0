# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Losses from demonstrations (Fig. 6c, d): an expert's motions shape a loss for new targets."""
