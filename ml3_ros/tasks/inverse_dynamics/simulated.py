# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Recordings of simulated arms: random robots, random trajectories, noisy and filtered signals.

Only meta-training and experiments use this; it is the one place of the task that knows a model.
"""

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from ml3_ros.data.filters import savgol_acceleration
from ml3_ros.errors import ConfigError
from ml3_ros.robots.control.trajectories import Excitation, ExcitationConfig
from ml3_ros.robots.perturbation import Perturbation, friction_torque
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot
from ml3_ros.tasks.inverse_dynamics.recordings import Recordings


@dataclass(frozen=True, kw_only=True, slots=True)
class SimulationConfig:
    """A population of robots and how they move and measure.

    With all ranges zero every robot is the nominal one.
    """

    robot: str = "sawyer"  # name or path, see robots.registry
    excitation: ExcitationConfig = field(default_factory=ExcitationConfig)
    rate: float = 100.0  # samples per second [Hz]
    support_seconds: float = 60.0  # what may be learned from [s]
    held_out_seconds: float = 20.0  # other trajectories of the same robot [s]
    payload: tuple[float, float] = (0.0, 0.0)  # [kg]
    mass_share: float = 0.0  # masses vary by +- this share [-]
    friction: tuple[float, float] = (0.0, 0.0)  # strength, see Perturbation.sample [-]
    velocity_noise: float = 1e-3  # standard deviation [rad/s]
    torque_noise_share: float = 0.0  # of each torque's own standard deviation [-]
    subtract_nominal: bool = False  # torques less F(q, v) of the arm as described
    filter_window: int = 21  # samples of the Savitzky-Golay filter [-]
    filter_order: int = 3

    def __post_init__(self) -> None:
        if not (self.rate > 0.0 and self.support_seconds > 0.0 and self.held_out_seconds > 0.0):
            raise ConfigError("rate, support_seconds and held_out_seconds must be > 0")


def simulate(config: SimulationConfig, n_tasks: int, seed: int) -> Recordings:
    """Record `n_tasks` robots drawn from `config`, each on its own trajectories.

    Torques are those of ideal tracking, tau = M(q) a + F(q, v) with friction in F. The learner's
    accelerations come from measured velocities by a centred filter, as on a robot. With
    `subtract_nominal`, F of a model of the nominal arm is taken off tau and nle, so that
    its error is what is left to learn.

    Args:
        config: The population.
        n_tasks: Number of robots N.
        seed: Equal seeds give equal recordings; robot i does not depend on `n_tasks`.
    """
    description = load_robot(config.robot)
    n_support = round(config.support_seconds * config.rate)
    n_total = n_support + round(config.held_out_seconds * config.rate)
    half = config.filter_window // 2
    nominal = PinocchioModel(description)
    times = (np.arange(n_total + 2 * half) - half) / config.rate
    fields: dict[str, list[NDArray[np.float64]]] = {}
    for index in range(n_tasks):
        rng = np.random.default_rng((seed, index))
        perturbation = Perturbation.sample(
            description,
            rng,
            payload=config.payload,
            mass_share=config.mass_share,
            friction=config.friction,
        )
        model = PinocchioModel(description, perturbation)
        excitation_seed = int(rng.integers(2**31))
        excitation = Excitation(
            description.limits, description.home, excitation_seed, config.excitation
        )
        q, v, a = excitation.at(times)
        inertia = model.M(q)
        nle = model.nle(q, v) + friction_torque(perturbation, v)
        tau = np.einsum("tij,tj->ti", inertia, a) + nle
        measured_v = v + config.velocity_noise * rng.standard_normal(v.shape)
        measured_a = savgol_acceleration(
            measured_v, 1.0 / config.rate, config.filter_window, config.filter_order
        )
        noise = config.torque_noise_share * tau.std(axis=0)
        measured_tau = tau + noise * rng.standard_normal(tau.shape)
        if config.subtract_nominal:
            known = nominal.nle(q, measured_v)
            measured_tau, nle = measured_tau - known, nle - known
        recorded = {"q": q, "v": measured_v, "a": measured_a, "tau": measured_tau}
        for name, x in {**recorded, "inertia": inertia, "nle": nle}.items():
            fields.setdefault(name, []).append(x[half : len(x) - half])
    tensors = {
        name: torch.from_numpy(np.stack(x).astype(np.float32)) for name, x in fields.items()
    }
    return Recordings(**tensors, n_support=n_support)
