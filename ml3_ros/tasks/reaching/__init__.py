"""Reaching goals: worlds that autograd sees through, policies, and learned losses for them."""
