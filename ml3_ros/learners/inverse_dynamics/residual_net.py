# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A network for what a linear model of an arm leaves of its torque, above all friction."""

import torch
from torch import Tensor

from ml3_ros.core.networks import Mlp, PerceptronModel
from ml3_ros.core.types import Batch, Params
from ml3_ros.learners.inverse_dynamics.units import Units

TURNS = (0.05, 0.3)  # speeds over which features of friction change sign [rad/s]


class ResidualNet(PerceptronModel):
    """Perceptron of positions, velocities, accelerations and presliding states; starts at zero.

    Batches hold "q" [rad], "v" [rad/s], "a" [rad/s^2], each (*lead, B, n), and "strain" [-]
    (*lead, B, n D), see `data.presliding`. Predictions are torques [N m].

    Args:
        units: Scales of the robot's signals; the effort is that of what is left.
        n_states: Number D of presliding states a joint.
        hidden: Widths of the hidden layers (tanh).
    """

    def __init__(self, units: Units, n_states: int, hidden: tuple[int, ...] = (48, 48)) -> None:
        super().__init__()
        n = units.n_joints
        n_inputs = n * (4 + len(TURNS) + n_states)
        self.net = Mlp((n_inputs, *hidden, n), output_scale=0.0)
        self.units = units
        with torch.device("cpu"):  # few numbers, needed also where weights are nothing but shapes
            self._velocity_gain = 1.0 / torch.tensor(units.velocity)
            self._acceleration_gain = 1.0 / torch.tensor(units.acceleration)
            self._effort = torch.tensor(units.effort)

    def call(self, params: Params, *inputs: Batch) -> Tensor:
        """Return the torque [N m] (*lead, B, n)."""
        batch = inputs[0]
        q, v = batch["q"], batch["v"]
        turns = [torch.tanh(v / speed) for speed in TURNS]
        moved = [v * self._velocity_gain, batch["a"] * self._acceleration_gain]
        x = torch.cat([q.sin(), q.cos(), *moved, *turns, batch["strain"]], dim=-1)
        return self.mapped(params, x) * self._effort
