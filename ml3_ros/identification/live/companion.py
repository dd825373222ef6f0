# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Physical model, and a network on top of it, as models that learn beside networks on a stream."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ml3_ros.core.types import Batch, Params
from ml3_ros.data.filters import FilteredSample
from ml3_ros.data.presliding import Strain
from ml3_ros.identification.live.gate import GateConfig, PrequentialGate
from ml3_ros.identification.live.model_file import physical_to_bytes
from ml3_ros.identification.live.network_on_top import NetworkOnTop
from ml3_ros.identification.live.physical_model import (
    LinearTorque,
    PhysicalModel,
    PhysicalModelConfig,
)
from ml3_ros.robots.base import RobotDescription
from ml3_ros.robots.linear.arm import DISPLACEMENTS
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.zoo import shipped_loss

Array = NDArray[np.float64]
PHYSICAL, ON_TOP = "physical_model", "physical_and_network"  # methods
NETWORK_LOSS = "touched_network"  # the shipped loss of networks on a model
_GATE = GateConfig()
STEPS = 8  # of gradient descent at each update of the physical model


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """Models as they were: w (p,), network, and whether its torque was let through."""

    parameters: Array
    theta: Params
    open: bool


class PhysicalCompanion:
    """A physical model, and where asked for a network for what it leaves; a `Companion`.

    The network's torque counts only while the gate lets it through.

    Attributes:
        names: Of its methods, PHYSICAL and ON_TOP or one of them.
        gate: Of the network.
    """

    # made by `reset`
    gate: PrequentialGate
    _model: PhysicalModel
    _torque: LinearTorque
    _network: NetworkOnTop | None
    _strains: list[tuple[float, Array]]  # since the last update
    _state: Array  # presliding states of the newest sample (n D,)
    _predicted: tuple[Array, Array] | None  # without the network, and with it

    def __init__(
        self,
        description: RobotDescription,
        config: PhysicalModelConfig,
        names: Sequence[str] = (PHYSICAL, ON_TOP),
        gate: GateConfig = _GATE,
        report: Callable[[str], object] = lambda text: None,
    ) -> None:
        """Begin with the arm as described.

        Args:
            description: Of the arm.
            config: Of the physical model.
            names: Which of its two models are methods.
            gate: Of the network.
            report: Called when the gate switches.
        """
        self.names = tuple(names)
        self._description, self._config, self._report = description, config, report
        self._gate_config = gate
        self.reset()

    def reset(self) -> None:
        """Begin anew, as before any sample."""
        description, config = self._description, self._config
        self._model = PhysicalModel(PinocchioModel(description), description.home, config)
        self._torque = self._model.feedforward()
        self.gate = PrequentialGate(self._model.noise, self._gate_config)
        self._network = None
        if ON_TOP in self.names:
            self._network = NetworkOnTop(
                shipped_loss(NETWORK_LOSS),
                description.names,
                self._model.noise,
                config.row_period,
            )
        self._strains = []
        self._state = np.zeros(0)
        self._predicted = None

    @property
    def updates(self) -> int:
        """How often the physical model has learned."""
        return self._model.updates

    def predict(self, q: Array, v: Array, a: Array) -> dict[str, Array]:
        """See `Companion`."""
        physical = self._torque(q, v, a)
        both = physical
        if self._network is not None:
            self._state = self._network.strain(q)
            both = physical + self._network.predict(q, v, a, self._state)
        self._predicted = physical, both
        through = both if self.gate.open else physical
        return {k: x for k, x in ((PHYSICAL, physical), (ON_TOP, through)) if k in self.names}

    def learn(self, t: float, q: Array, v: Array, a: Array, tau: Array) -> None:
        """See `Companion`."""
        if self._network is not None and self._predicted is not None:
            if self.gate.push(t, *self._predicted, tau):
                self._report_switch()
            self._strains.append((t, self._state))
        if not self._model.take(FilteredSample(t, q, v, a, tau)):
            return
        rows = self._model.drain()
        self._model.learn(rows)
        self._torque.relearn(self._model.learned.parameters)
        if self._network is not None:
            at = dict(self._strains)
            self._strains.clear()
            self._network.take(rows, [at[row.sample.t] for row in rows])
            believed = self._model.fit.believed()
            self._network.learn(self._model.learned.parameters, believed, STEPS)

    def _report_switch(self) -> None:
        what = "is let through" if self.gate.open else "is shut out"
        self._report(
            f"the network on the physical model {what}: its error over the last "
            f"{self._gate_config.seconds:g} s is {self.gate.ratio:.2f} of that without it"
        )

    def snapshot(self) -> Snapshot:
        """See `Companion`."""
        theta = self._network.theta if self._network is not None else {}
        return Snapshot(self._model.learned.parameters, theta, self.gate.open)

    def evaluate(self, snapshot: Any, batch: Batch) -> dict[str, Array]:
        """See `Companion`."""
        states = [batch[name].double().numpy() for name in ("q", "v", "a")]
        arm = PinocchioModel(self._description)
        torque = LinearTorque(arm, snapshot.parameters, self._config.displacements)
        physical = np.stack([torque(*state) for state in zip(*states, strict=True)])
        both = physical
        if snapshot.open and self._network is not None and self._network.net is not None:
            strain = Strain(np.array(DISPLACEMENTS))
            rows = np.stack([strain(q).ravel() for q in states[0]]).astype(np.float32)
            with torch.no_grad():
                given = {**batch, "strain": torch.from_numpy(rows)}
                both = physical + self._network.net.call(snapshot.theta, given).double().numpy()
        return {k: x for k, x in ((PHYSICAL, physical), (ON_TOP, both)) if k in self.names}

    def models(self) -> dict[str, bytes]:
        """See `Companion`."""
        network = self._network if self.gate.open else None
        files = {
            PHYSICAL: lambda: physical_to_bytes(self._model),
            ON_TOP: lambda: physical_to_bytes(self._model, network),
        }
        return {name: files[name]() for name in self.names}
