# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Generalisation of one learned loss to networks of other depths, widths and nonlinearities."""
