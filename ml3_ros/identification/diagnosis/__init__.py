# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Diagnosis of a recording against the model: units, signs, zeros, gravity, payloads, order."""
