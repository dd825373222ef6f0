# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Meta-training task: touched arms that take up a body and put it down again, unannounced."""
