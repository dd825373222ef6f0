"""The reach_optimizer node: trains policies that reach goals, by episodes on the arm."""
