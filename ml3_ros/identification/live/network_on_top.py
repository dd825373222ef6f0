# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Network for what the physical model leaves of an arm's torque, trained on a stream.

It starts at zero and descends on a learned loss, which sees how far the physical fit believes each
row: what touches the arm is learned by neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ml3_ros.core.inner_loop import adapt
from ml3_ros.core.learner import Learner
from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.core.types import Batch, Params
from ml3_ros.data.presliding import Strain
from ml3_ros.errors import LossFileError
from ml3_ros.identification.live.structure import Row
from ml3_ros.learners.inverse_dynamics.residual_net import ResidualNet
from ml3_ros.learners.inverse_dynamics.units import Units
from ml3_ros.robots.linear.arm import DISPLACEMENTS

Array = NDArray[np.float64]
KEPT = 2400  # rows that are learned from, the newest: two minutes
RUNS = 6  # in a batch
EFFORT = 6.0  # times the usual noise is what a physical model usually leaves, hands and all


class NetworkOnTop:
    """Learns what a physical model leaves; a prediction needs every state once, in order.

    Attributes:
        net: The network; None before there are enough rows to know its scales.
        theta: Its parameters.
        updates: Gradient steps so far.
    """

    # made by `reset`
    net: ResidualNet | None
    theta: Params
    updates: int
    _generator: torch.Generator
    _strain: Strain  # of rows and predictions alike
    _rows: list[Row]
    _strains: list[Array]
    _trust: list[Array]
    # made with the network
    _learner: Learner
    _state: Params

    def __init__(
        self, loss: LearnedLoss, names: Sequence[str], noise: Array, period: float, seed: int = 0
    ) -> None:
        """Begin without a network.

        Args:
            loss: Of a network on a model, for any arm, see `tasks.touched`.
            names: Of the joints.
            noise: Torque that no model explains [N m], (n,).
            period: Between rows [s].
            seed: Of the network and of its batches.

        Raises:
            LossFileError: It is no loss of networks on a model.
        """
        self._loss, self._names, self._period, self._seed = loss, tuple(names), period, seed
        context = [x.name for x in loss.spec.context]
        self._run = int(loss.spec.options.get("run", 0))
        if context != ["v", "trust"] or not self._run:
            raise LossFileError(
                "it is no loss of networks on a physical model: make one with `ml3 train --task "
                "touched recipe.model=network_on_model`"
            )
        self._effort = tuple((EFFORT * noise).tolist())
        self.reset()

    def reset(self) -> None:
        """Begin anew."""
        self._generator = torch.Generator().manual_seed(self._seed)
        self.net = None
        self.theta = {}
        self.updates = 0
        self._strain = Strain(np.array(DISPLACEMENTS))
        self._rows = []
        self._strains = []
        self._trust = []

    def strain(self, q: Array) -> Array:
        """Return the presliding states (n D,) of the stream's next position [rad] (n,)."""
        return self._strain(q).ravel()

    def predict(self, q: Array, v: Array, a: Array, strain: Array) -> Array:
        """Return the torque [N m] (n,) at a state and its presliding states."""
        if self.net is None:
            return np.zeros_like(q)
        state = {"q": q, "v": v, "a": a, "strain": strain}
        batch = {k: torch.from_numpy(np.asarray(x, np.float32)[None]) for k, x in state.items()}
        with torch.no_grad():
            return self.net.call(self.theta, batch)[0].double().numpy()

    def take(self, rows: Sequence[Row], strains: Sequence[Array]) -> None:
        """Keep new rows, and the presliding states of each."""
        self._rows, self._strains = [*self._rows, *rows], [*self._strains, *strains]
        self._trust += [np.zeros(len(self._names)) for _ in rows]
        if len(self._rows) > KEPT:
            del self._rows[:-KEPT], self._strains[:-KEPT], self._trust[:-KEPT]

    def learn(self, parameters: Array, believed: tuple[Array, Array], steps: int) -> None:
        """Make gradient steps on rows as the physical model leaves them now.

        Args:
            parameters: Of the physical model (p,).
            believed: Times [s] (R,) of the newest rows, and the logarithm of the share to which
                its fit believes them (R, n); older rows keep what was last said.
            steps: Number of steps.
        """
        if len(self._rows) < self._run:
            return
        times, trust = believed
        for i in range(1, 1 + min(len(times), len(self._rows))):
            self._trust[-i] = trust[-i]
        if self.net is None:
            self._build()
        batches = [self._batch(parameters) for _ in range(steps)]
        assert self.net is not None
        result = adapt(self._learner, self.theta, self._loss.phi, batches, state=self._state)
        if all(bool(p.isfinite().all()) for p in result.theta.values()):
            self.theta, self._state = result.theta, result.state
        self.updates += steps

    def _build(self) -> None:
        """Make the network, with the scales of what the arm has done so far."""
        samples = [row.sample for row in self._rows]
        v, a = (np.stack([getattr(x, name) for x in samples]) for name in ("v", "a"))
        measured = Units.from_samples(self._names, v, a, v)
        units = replace(measured, effort=self._effort)
        self.net = ResidualNet(units, len(DISPLACEMENTS))
        self.theta = self.net.init(self._generator)
        own = self._loss.spec.of_size(len(self._names), spacing=self._period)
        own = replace(own, target=replace(own.target, scale=units.effort))
        self._learner = own.learner(self.net)
        self._state = self._learner.inner_optimizer.init(self.theta)

    def _batch(self, parameters: Array) -> Batch:
        """Return some runs of rows that follow each other."""
        latest = len(self._rows) - self._run + 1
        firsts = torch.randint(0, latest, (RUNS,), generator=self._generator).tolist()
        chosen = [first + i for first in firsts for i in range(self._run)]
        rows = [self._rows[i] for i in chosen]
        samples = [row.sample for row in rows]
        left = [row.sample.tau - row.regressor @ parameters for row in rows]
        signals = {
            "q": [s.q for s in samples],
            "v": [s.v for s in samples],
            "a": [s.a for s in samples],
            "strain": [self._strains[i] for i in chosen],
            "trust": [self._trust[i] for i in chosen],
            self._loss.spec.target.name: left,
        }
        return {name: _tensor(values) for name, values in signals.items()}


def _tensor(values: Sequence[Array]) -> Tensor:
    return torch.from_numpy(np.stack(values).astype(np.float32))
