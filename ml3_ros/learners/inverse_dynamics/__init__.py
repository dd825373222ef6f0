# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Online learning of inverse dynamics: all methods side by side on one stream of samples."""
