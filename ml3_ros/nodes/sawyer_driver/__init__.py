# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The sawyer_driver node: a real Sawyer behind the topics of a simulated arm."""
