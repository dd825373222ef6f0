# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Recordings of simulated arms: random robots, random trajectories, noisy and filtered signals.

Only meta-training and experiments use this; it is the one place of the task that knows a model.
"""

from dataclasses import dataclass, field

import numpy as np
import torch

from ml3_ros.data.filters import savgol_acceleration
from ml3_ros.errors import ConfigError
from ml3_ros.robots.base import Array, RobotDescription
from ml3_ros.robots.control.trajectories import Excitation, ExcitationConfig
from ml3_ros.robots.control.working_motion import WorkingConfig, WorkingMotion
from ml3_ros.robots.perturbation import Perturbation, friction_torque
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot
from ml3_ros.tasks.inverse_dynamics.recordings import Recordings

Motion = ExcitationConfig | WorkingConfig
"""How an arm moves: each joint for itself without end, or together, piece by piece."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SimulationConfig:
    """A population of robots and how they move and measure.

    With all ranges zero every robot is the nominal one. Two configurations that differ in
    `held_out` alone give the same robots, which learn from the same samples.
    """

    robot: str = "sawyer"  # name or path, see robots.registry
    excitation: Motion = field(default_factory=ExcitationConfig)
    held_out: Motion | None = None  # other motion than `excitation` in what is held out
    rate: float = 100.0  # samples per second [Hz]
    support_seconds: float = 60.0  # what may be learned from [s]
    held_out_seconds: float = 20.0  # other trajectories of the same robot [s]
    payload: tuple[float, float] = (0.0, 0.0)  # [kg]
    mass_share: float = 0.0  # masses vary by +- this share [-]
    friction: tuple[float, float] = (0.0, 0.0)  # strength, see Perturbation.sample [-]
    velocity_noise: float = 1e-3  # standard deviation [rad/s]
    torque_noise_share: float = 0.0  # of each torque's own standard deviation [-]
    inertial_noise_share: float = 0.0  # likewise, of M(q) a alone [-]
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
    n_held_out = round(config.held_out_seconds * config.rate)
    nominal = PinocchioModel(description)
    fields: dict[str, list[Array]] = {}
    for index in range(n_tasks):
        rng = np.random.default_rng((seed, index))
        perturbation = Perturbation.sample(
            description,
            rng,
            payload=config.payload,
            mass_share=config.mass_share,
            friction=config.friction,
        )
        arm = _Arm(config, description, perturbation)
        if config.held_out is None:
            stretches = arm.moved(config.excitation, n_support + n_held_out, rng)
            measured = arm.measured(stretches, stretches, rng)
        else:
            stretches = arm.moved(config.excitation, n_support, rng)
            measured = arm.measured(stretches, stretches, rng)
            others = arm.moved(config.held_out, n_held_out, rng)
            measured += arm.measured(others, stretches, rng)
        rows = {name: np.concatenate([part[name] for part in measured]) for name in measured[0]}
        if config.subtract_nominal:
            known = nominal.nle(rows["q"], rows["v"])
            rows["tau"], rows["nle"] = rows["tau"] - known, rows["nle"] - known
        for name, x in rows.items():
            fields.setdefault(name, []).append(x)
    tensors = {
        name: torch.from_numpy(np.stack(x).astype(np.float32)) for name, x in fields.items()
    }
    return Recordings(**tensors, n_support=n_support)


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Motion that is recorded without a break, half a filter window longer on both sides.

    Attributes:
        q, v: The motion, (T, n).
        inertia: M(q) (T, n, n).
        inertial: M(q) a [N m], (T, n).
        nle: F(q, v), friction included [N m], (T, n).
    """

    q: Array
    v: Array
    inertia: Array
    inertial: Array
    nle: Array


class _Arm:
    """One simulated robot, as it moves and as it is measured."""

    def __init__(
        self, config: SimulationConfig, description: RobotDescription, perturbation: Perturbation
    ) -> None:
        self._config, self._description = config, description
        self._perturbation = perturbation
        self._model = PinocchioModel(description, perturbation)
        self._half = config.filter_window // 2

    def moved(self, motion: Motion, n: int, rng: np.random.Generator) -> list[_Stretch]:
        """Return random motion of the given kind, n samples in all beside the margins."""
        rate, half, description = self._config.rate, self._half, self._description
        seed = int(rng.integers(2**31))

        def times(count: int) -> Array:
            return (np.arange(count + 2 * half) - half) / rate

        if isinstance(motion, ExcitationConfig):
            path = Excitation(description.limits, description.home, seed, motion)
            return [self._stretch(*path.at(times(n)))]
        work = WorkingMotion(description.limits, description.home, seed, motion)
        longest = max(1, round(motion.piece_seconds * rate))
        starts = range(0, n, longest)
        counts = [min(longest, n - start) for start in starts]
        return [self._stretch(*work.piece(i).at(times(c))) for i, c in enumerate(counts)]

    def _stretch(self, q: Array, v: Array, a: Array) -> _Stretch:
        inertia = self._model.M(q)
        nle = self._model.nle(q, v) + friction_torque(self._perturbation, v)
        return _Stretch(q, v, inertia, np.einsum("tij,tj->ti", inertia, a), nle)

    def measured(
        self, stretches: list[_Stretch], typical: list[_Stretch], rng: np.random.Generator
    ) -> list[dict[str, Array]]:
        """Return what is recorded of the stretches; noise has the size that suits `typical`."""
        config, half = self._config, self._half
        whole = np.concatenate([each.inertial + each.nle for each in typical])
        inertial = np.concatenate([each.inertial for each in typical])
        noise = config.torque_noise_share * whole.std(axis=0)
        noise = np.hypot(noise, config.inertial_noise_share * inertial.std(axis=0))
        recorded = []
        for each in stretches:
            v = each.v + config.velocity_noise * rng.standard_normal(each.v.shape)
            a = savgol_acceleration(
                v, 1.0 / config.rate, config.filter_window, config.filter_order
            )
            tau = each.inertial + each.nle
            tau = tau + noise * rng.standard_normal(tau.shape)
            signals = {"q": each.q, "v": v, "a": a, "tau": tau}
            signals |= {"inertia": each.inertia, "nle": each.nle}
            recorded.append({name: x[half : len(x) - half] for name, x in signals.items()})
        return recorded
