# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Subcommands about recordings: check, identify, payload, and what to record next."""
