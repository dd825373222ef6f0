"""Reaching mode of policy_optimizer: trains policies by episodes on the arm."""
