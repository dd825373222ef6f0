# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Online adaptation (meta-test, Algorithm 2) without a model of the arm: core and data only."""
