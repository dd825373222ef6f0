# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Execution engines of outer steps: autograd, replayed and compiled graphs, `higher`."""
