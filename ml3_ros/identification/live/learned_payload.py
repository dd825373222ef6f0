# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Payload that an arm takes up or puts down, told from a hand by a learned loss.

The newest seconds of what the physical model leaves are fitted by a body at the tool, under
weights that the loss was meta-trained to give: little to hands, little to what was before the
change, much to what a body explains. Where nothing has changed, it finds next to nothing.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from ml3_ros.core.linear_model import COLUMNS, LinearModel
from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.identification.live.payload import LearnedPayloadConfig
from ml3_ros.learners.inverse_dynamics.bodies import BODY_GROUPS, BODY_SIZES, N_BODY, from_tool
from ml3_ros.learners.inverse_dynamics.reweighted_fit import reweighted_fit
from ml3_ros.zoo import shipped

Array = NDArray[np.float64]
WINDOW = 12.0  # that losses are meta-trained for [s]
LEAST = 1.0  # of rows before anything is told [s]


class LearnedPayloadChange:
    """Change of payload since the physical model was learned, a `TellsPayload`.

    Ten parameters of the last link about its joint, as of a body that it carries.
    """

    n_parameters = N_BODY

    def __init__(
        self, config: LearnedPayloadConfig, n_joints: int, tool: Array, spacing: float
    ) -> None:
        """Begin without a change.

        Args:
            config: Names the loss.
            n_joints: Of the arm.
            tool: Where the tool is in the frame of the last joint [m] (3,).
            spacing: Time from one row to the next [s].

        Raises:
            LossFileError: It cannot be read.
        """
        loss = LearnedLoss.load(shipped().get(config.loss, config.loss))
        self._spec, self._phi = loss.spec.of_size(n_joints, spacing=spacing), loss.phi
        self._model = LinearModel(n_joints, BODY_GROUPS)
        self._from_tool = from_tool(tool) * BODY_SIZES
        self.parameters = np.zeros(N_BODY)
        self._rows: list[tuple[float, Array, Array, Array]] = []

    def take(self, t: Array, columns: Array, residual: Array, v: Array) -> bool:
        """See `TellsPayload`; it tells anew at every call."""
        of_tool = (columns @ self._from_tool).reshape(len(t), -1)
        self._rows += zip(t.tolist(), of_tool, residual, v, strict=True)
        while self._rows[0][0] < t[-1] - WINDOW:
            self._rows.pop(0)
        if self._rows[-1][0] - self._rows[0][0] < LEAST:
            return False
        _, *signals = zip(*self._rows, strict=True)
        names = (COLUMNS, self._spec.target.name, "v")
        batch = {
            name: torch.from_numpy(np.stack(x)).float()
            for name, x in zip(names, signals, strict=True)
        }
        body = reweighted_fit(self._spec, self._phi, self._model, batch)
        self.parameters = self._from_tool @ body.double().numpy()
        return True
