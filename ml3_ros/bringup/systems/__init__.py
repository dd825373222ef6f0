# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The systems that `ml3 up` and the launch files start, one file a system."""
