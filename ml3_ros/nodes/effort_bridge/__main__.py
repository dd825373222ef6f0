# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Run the node: `python -m ml3_ros.nodes.effort_bridge`."""

import sys

from ml3_ros.nodes.effort_bridge.node import main

sys.exit(main())
