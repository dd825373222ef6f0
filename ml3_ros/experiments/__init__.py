# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The paper's experiments, one folder a figure: config in, metrics.json and a figure out."""
