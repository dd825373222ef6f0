# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A physical model as it travels: a safetensors file of its parameters, and its reader."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load

from ml3_ros.core.tensor_files import read_header, write_tensors
from ml3_ros.core.types import Params
from ml3_ros.data.presliding import Strain
from ml3_ros.errors import DataError, reason_of
from ml3_ros.identification.live.network_on_top import NetworkOnTop
from ml3_ros.identification.live.physical_model import LinearTorque, PhysicalModel
from ml3_ros.identification.models.least_squares import HasRegressor
from ml3_ros.learners.inverse_dynamics.residual_net import ResidualNet
from ml3_ros.learners.inverse_dynamics.units import Units
from ml3_ros.robots.linear.arm import DISPLACEMENTS

Array = NDArray[np.float64]
NETWORK = "network."  # before the names of a network's tensors
FORMAT = "ml3_physical_model"
VERSION = 1
MAX_BYTES = 2**20  # far above any real one


class TorqueWithNetwork:
    """Torque of a physical model and a network for a controller; called along one path."""

    def __init__(self, physical: LinearTorque, net: ResidualNet, theta: Params) -> None:
        """Take what was learned."""
        self._physical, self._net, self._theta = physical, net, theta
        self._strain = Strain(np.array(DISPLACEMENTS))

    def __call__(self, q: Array, v: Array, a: Array) -> Array:
        """Return tau [N m] (n,) of q [rad], v [rad/s] and a [rad/s^2], each (n,)."""
        state = {"q": q, "v": v, "a": a, "strain": self._strain(q).ravel()}
        batch = {k: torch.from_numpy(np.asarray(x, np.float32)[None]) for k, x in state.items()}
        with torch.no_grad():
            added = self._net.call(self._theta, batch)[0].double().numpy()
        return np.asarray(self._physical(q, v, a) + added)


def physical_to_bytes(model: PhysicalModel, network: NetworkOnTop | None = None) -> bytes:
    """Return the file of what a physical model has learned so far, and a network on top of it."""
    header = {
        "format": FORMAT,
        "version": VERSION,
        "displacements": list(model.config.displacements),
    }
    tensors = {"parameters": torch.from_numpy(model.learned.parameters)}
    if network is not None and network.net is not None:
        header["units"] = network.net.units.to_dict()
        tensors |= {f"{NETWORK}{name}": p for name, p in network.theta.items()}
    return write_tensors(tensors, json.dumps(header, sort_keys=True))


def physical_from_bytes(data: bytes, arm: HasRegressor) -> LinearTorque | TorqueWithNetwork:
    """Return the torque of a physical model from bytes that may come from anywhere.

    Args:
        data: Of `physical_to_bytes`.
        arm: The arm as described, whose kinematics the model shares; it is kept.

    Raises:
        DataError: The bytes are no physical model of this arm.
    """
    if len(data) > MAX_BYTES:
        raise DataError(
            f"a physical model of more than {MAX_BYTES} bytes is none: check its sender"
        )
    try:
        header, _, _ = read_header(data)
        kind = header["format"], header["version"]
        if kind != (FORMAT, VERSION):
            raise DataError(f"it is {kind[0]!r} version {kind[1]!r}")
        displacements = tuple(float(d) for d in header["displacements"])
        tensors = load(data)
        finite = all(bool(p.isfinite().all()) for p in tensors.values())
        parameters = tensors.pop("parameters").double().numpy()
        physical = LinearTorque(arm, parameters, displacements)
        torque: LinearTorque | TorqueWithNetwork = physical
        if "units" in header:
            torque = TorqueWithNetwork(physical, *_network(header["units"], tensors, arm.nv))
    except Exception as error:  # bytes from anywhere raise anything
        raise DataError(
            f"the physical model is damaged or of another arm ({reason_of(error)}): it is not "
            "used; start contact_observer with the same robot"
        ) from error
    if not finite:
        raise DataError("the physical model is not finite: it is not used")
    return torque


def _network(units: Any, tensors: Params, n: int) -> tuple[ResidualNet, Params]:
    """Return network and parameters; what does not fit raises anything."""
    net = ResidualNet(Units.from_dict(units), len(DISPLACEMENTS))
    theta = {name.removeprefix(NETWORK): p.float() for name, p in tensors.items()}
    expected = {name: p.shape for name, p in net.named_parameters()}
    if net.units.n_joints != n or {name: p.shape for name, p in theta.items()} != expected:
        raise DataError("its network is of another arm, or damaged")
    return net, theta
