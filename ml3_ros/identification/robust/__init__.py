# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Robust fits: what touches an arm while it is recorded is found, and not learned from."""
