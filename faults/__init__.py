# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Faults on purpose, counted: what breaks nodes, files and networks; run by `make faults`."""
