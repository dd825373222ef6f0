# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Inverse dynamics: task family, recordings, physics prior and recipe of meta-training."""
