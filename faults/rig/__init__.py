# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What all benches stand on: processes, the bench's own node, waits, runners, findings."""
