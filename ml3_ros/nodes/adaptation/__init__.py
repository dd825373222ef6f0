# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The topics adaptation/METHOD, on which learners publish how each of their methods is doing."""
