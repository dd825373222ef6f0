# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Identification of an arm from a recording or live: checks, fits, networks and verdicts."""
