# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Learned losses M_phi: one file a kind of loss, their specification and file format."""
