# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Samples of an arm as data: filters, bags read and written, run folders, metrics files."""
