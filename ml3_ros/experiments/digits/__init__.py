# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Binary classification of digits (Fig. 2, bottom): learned losses beside cross entropy."""
