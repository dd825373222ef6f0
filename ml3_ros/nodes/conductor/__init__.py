# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Conductor of a system: brings its lifecycle nodes up in order, and ends them with the run."""
