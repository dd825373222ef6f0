# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Report of `ml3 identify`: figures, tables, HTML page, friction file."""
