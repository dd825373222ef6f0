# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Confidence in what was identified: covariance, base parameters, what a motion shows at all."""
