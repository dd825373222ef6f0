"""Run the node: `python -m ml3_ros.nodes.tracking_controller`."""

import sys

from ml3_ros.nodes.tracking_controller.node import main

sys.exit(main())
