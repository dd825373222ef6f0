"""Parameters of nodes that simulate an arm which is not quite as it is described."""

from __future__ import annotations

import numpy as np

from ml3_ros.nodes.kit.parameters import Param, ParameterTable
from ml3_ros.robots.base import RobotDescription
from ml3_ros.robots.perturbation import Perturbation

PERTURBATION = (
    Param(name="perturbation_seed", default=-1, help="draw masses, payload and friction at "
          "random with this seed instead of taking the values below; -1: take them",
          limits=(-1, 2**31 - 1)),
    Param(name="payload", default=0.0, help="point mass at the tool [kg]", limits=(0.0, 20.0)),
    Param(name="mass_scale", default=[1.0], help="mass of each link over its nominal one, one "
          "number or one a joint [-]", limits=(0.1, 10.0)),
    Param(name="viscous", default=[0.0], help="viscous friction, one number or one a joint "
          "[N m s/rad]", limits=(0.0, 1000.0)),
    Param(name="coulomb", default=[0.0], help="dry friction, one number or one a joint [N m]",
          limits=(0.0, 1000.0)),
    Param(name="position_noise", default=0.0, help="standard deviation of positions [rad]",
          limits=(0.0, 0.1)),
    Param(name="velocity_noise", default=1e-3, help="standard deviation of velocities [rad/s]",
          limits=(0.0, 1.0)),
    Param(name="torque_noise", default=[0.0], help="standard deviation of efforts, one number "
          "or one a joint [N m]", limits=(0.0, 100.0)),
    Param(name="command_delay", default=0.0, help="from a command until the motors follow "
          "it [s]", limits=(0.0, 0.1)),
)  # fmt: skip


def perturbation_of(p: ParameterTable, description: RobotDescription) -> Perturbation:
    """Return what the parameters say of the arm that moves.

    Args:
        p: The parameters of a node, which hold the rows above.
        description: The arm as it is described.
    """
    noise = {
        "position_noise": p["position_noise"],
        "velocity_noise": p["velocity_noise"],
        "torque_noise": _one_or_all(p["torque_noise"]),
    }
    if p["perturbation_seed"] >= 0:
        rng = np.random.default_rng(p["perturbation_seed"])
        delay = (p["command_delay"], p["command_delay"])
        return Perturbation.sample(description, rng, command_delay=delay, **noise)
    return Perturbation(
        payload=p["payload"],
        mass_scale=_one_or_all(p["mass_scale"]),
        viscous=_one_or_all(p["viscous"]),
        coulomb=_one_or_all(p["coulomb"]),
        command_delay=p["command_delay"],
        **noise,
    )


def _one_or_all(values: tuple[float, ...]) -> float | tuple[float, ...]:
    return values[0] if len(values) == 1 else values
