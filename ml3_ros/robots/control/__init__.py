"""Control of an arm: trajectories, controllers, feedforward, safety stage before the motors."""
