# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The policy_optimizer node: adapts inverse-dynamics models online under learned losses."""
