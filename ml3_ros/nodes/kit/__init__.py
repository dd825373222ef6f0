# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What all nodes share: lifecycle base, parameters, diagnostics, streams, guards of commands."""
