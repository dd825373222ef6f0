"""The policy_optimizer node: adapts inverse-dynamics models online under learned losses."""
