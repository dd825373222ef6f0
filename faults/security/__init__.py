"""What nodes use of the ROS graph, and the SROS 2 policies that allow just that."""
