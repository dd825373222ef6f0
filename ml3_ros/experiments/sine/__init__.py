# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Sine regression (Fig. 2, top) and the frequency of a sine with a shaped loss (Fig. 5a, b)."""
