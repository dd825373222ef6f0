# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Run the node: `python -m ml3_ros.nodes.ros2_control_emulator`."""

import sys

from ml3_ros.nodes.ros2_control_emulator.node import main

sys.exit(main())
