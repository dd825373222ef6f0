"""Control of an arm: trajectories, controllers, feedforward, and the safety stage before the motors."""
