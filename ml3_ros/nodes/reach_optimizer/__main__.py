"""Run the node: `python -m ml3_ros.nodes.reach_optimizer`."""

import sys

from ml3_ros.nodes.reach_optimizer.node import main

sys.exit(main())
