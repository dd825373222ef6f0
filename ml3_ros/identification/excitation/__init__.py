# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Exciting motion: the next trajectory that would tell most of an arm, within its limits."""
