# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Physical model of an arm, learned while it moves, and what it tells of forces from outside."""
