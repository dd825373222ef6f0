# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Model-based policy optimization (Fig. 3): reaching losses of a point mass and the Reacher."""
