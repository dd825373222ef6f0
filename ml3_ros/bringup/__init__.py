# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Systems: which nodes, parameters and arguments; read by `ml3 up` and by ros2 launch."""
