"""The tracking_controller node: laps of a motion with exchangeable feedforward torques."""
