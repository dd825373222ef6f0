# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Shared by experiments: seeds in processes, sweeps, choice of step sizes, page sections."""
