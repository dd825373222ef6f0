# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Worlds with a hidden task: many copies at once, each with a task of its own."""
