# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Meta-training tasks: families, recipes and priors of inverse dynamics, reaching and sines."""
