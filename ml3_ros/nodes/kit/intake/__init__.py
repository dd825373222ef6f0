# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Intake of joint states: which publisher is the arm's, what values and stamps are worth."""
