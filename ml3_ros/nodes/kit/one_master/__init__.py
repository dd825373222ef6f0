# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""One publisher at a time commands an arm: who sends, and what is rejected."""
