"""Reaching goals: differentiable worlds, policies, and learned losses for them."""
