# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Meta-training of phi (Algorithm 1): trainer, gradient and gradient-free estimators."""
