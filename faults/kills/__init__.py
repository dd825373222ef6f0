# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the bench `kills` does, one node a file: it is killed, started again, and compared."""
