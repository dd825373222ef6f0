# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""An emulated arm behind the topics of ros2_control, for trying commands without the arm."""
