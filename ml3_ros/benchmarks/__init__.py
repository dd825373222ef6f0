# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Speed, memory and latency, each beside something else in the same run; run by `ml3 bench`."""
