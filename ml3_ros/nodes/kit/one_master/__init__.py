# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Guard of an arm's commands: one publisher at a time may send them, others are rejected."""
