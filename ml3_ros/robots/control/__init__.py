"""Control of an arm: trajectories, controllers, feedforward, the safety stage before the motors."""
