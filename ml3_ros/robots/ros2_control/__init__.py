# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Arms behind ros2_control: what their drivers do with torques, an emulation, and our side."""
