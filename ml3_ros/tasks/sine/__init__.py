# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Sines: their regression (Fig. 2, top) and their frequency (Fig. 5a, b); no robot in them."""
