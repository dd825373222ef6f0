# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""One node or a few with what they need around them, and one kind of harm done to them."""
