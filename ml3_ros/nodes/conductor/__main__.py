"""Run the node: `python -m ml3_ros.nodes.conductor`."""

import sys

from ml3_ros.nodes.conductor.node import main

sys.exit(main())
