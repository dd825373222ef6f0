# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Identification that stays physical: inertias that bodies can have, friction that remembers."""
