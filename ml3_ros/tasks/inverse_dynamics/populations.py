# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Populations of robots for meta-training and for tests: never the same draws."""

from dataclasses import dataclass, replace

import numpy as np

from ml3_ros.learners.inverse_dynamics.units import Units
from ml3_ros.robots.control.trajectories import ExcitationConfig
from ml3_ros.robots.control.working_motion import WorkingConfig
from ml3_ros.robots.registry import load_robot
from ml3_ros.tasks.inverse_dynamics.recipes import EXCITATIONS, WORK, NleSetting
from ml3_ros.tasks.inverse_dynamics.simulated import SimulationConfig, simulate

UNIT_ROBOTS = 16  # robots whose signals define the units
UNIT_SEED = 0
WORK_NOISE = {"reacher": 0.05}  # of measured torques, as a share of what accelerates the arm
OTHER_WORK_NOISE = 0.02  # of arms without an entry


@dataclass(frozen=True, kw_only=True, slots=True)
class Population:
    """Robots of one kind, how they move, and the scales of their signals.

    Attributes:
        train: The random robots of meta-training.
        tests: The kinds of robots of meta-test, by name.
        units: Scales for networks and losses, from robots of `train`.
    """

    train: SimulationConfig
    tests: dict[str, SimulationConfig]
    units: Units


def population(robot: str, nle: NleSetting) -> Population:
    """Return the robots of the inverse-dynamics experiments.

    With F given it is exact on every robot, and robots differ in masses and payload; samples come
    at 50 Hz. Where the error of a nominal F is learned, or F itself (on a stream at 100 Hz),
    robots also have friction and 1 % torque noise.

    Args:
        robot: Name of the arm, or path of its description.
        nle: What of F is known, see `recipes.NleSetting`.
    """
    excitation = EXCITATIONS.get(robot, ExcitationConfig())
    payload = load_robot(robot).payload_limit
    nominal = SimulationConfig(robot=robot, excitation=excitation)
    if nle != "learned":
        nominal = replace(nominal, rate=50.0, support_seconds=42.0, held_out_seconds=28.0)
    if nle == "given":
        train = replace(nominal, payload=(0.0, payload), mass_share=0.2)
        tests = {
            "nominal": nominal,
            "payload": replace(nominal, payload=(payload / 3.0, payload)),
            "masses": replace(nominal, mass_share=0.2),
            "perturbed": replace(train, payload=(payload / 3.0, payload)),
        }
        return Population(train=train, tests=tests, units=_units(nominal, nle))
    nominal = replace(nominal, torque_noise_share=0.01, subtract_nominal=nle == "residual")
    train = replace(nominal, payload=(0.0, payload), mass_share=0.2, friction=(0.0, 1.5))
    perturbed = replace(train, payload=(payload / 3.0, payload), friction=(0.5, 1.5))
    tests = {"perturbed": perturbed}
    if nle == "learned":
        tests = {"nominal": nominal, **tests}
    return Population(train=train, tests=tests, units=_units(train, nle))


def working_population(robot: str) -> Population:
    """Return robots at their work, F given: their joints move together, torques are noisy.

    They learn from working motion; "new_motion" holds out motion of each joint for itself,
    "own_motion" further pieces of the same work, as the robots of meta-training do. Masses and
    payload are random.

    Args:
        robot: Name of the arm, or path of its description.
    """
    work = WORK.get(robot, WorkingConfig())
    own = SimulationConfig(
        robot=robot,
        excitation=work,
        held_out=work,
        rate=50.0,
        support_seconds=40.0,
        held_out_seconds=30.0,
        payload=(0.0, load_robot(robot).payload_limit),
        mass_share=0.2,
        inertial_noise_share=WORK_NOISE.get(robot, OTHER_WORK_NOISE),
    )
    new = replace(own, held_out=EXCITATIONS.get(robot, ExcitationConfig()))
    tests = {"new_motion": new, "own_motion": own}
    return Population(train=own, tests=tests, units=_units(own, "given"))


def _units(config: SimulationConfig, nle: NleSetting) -> Units:
    """Return the geometric mean of the scales of robots drawn from `config`.

    A joint that carries almost nothing on one robot and friction on the next has no typical
    torque; the geometric mean is fair to both.
    """
    data = simulate(config, UNIT_ROBOTS, UNIT_SEED)
    target = data.tau - data.known_nle() if nle == "given" else data.tau
    names = load_robot(config.robot).names
    robots = [
        Units.from_samples(names, data.v[i], data.a[i], target[i]) for i in range(UNIT_ROBOTS)
    ]

    def mean(field: str) -> tuple[float, ...]:
        logs = np.log([getattr(units, field) for units in robots]).mean(axis=0)
        return tuple(float(f"{x:.6g}") for x in np.exp(logs))

    return Units(
        joint_names=names,
        velocity=mean("velocity"),
        acceleration=mean("acceleration"),
        effort=mean("effort"),
    )
