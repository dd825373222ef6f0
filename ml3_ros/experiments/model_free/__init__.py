"""Model-free policy optimization (Fig. 4): goals for Gymnasium's robots, beside PPO."""
