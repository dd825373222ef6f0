# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""All experiments by name, and their sections of the results page in their order."""

from ml3_ros.experiments import (
    external_torque,
    inverse_dynamics,
    metarl,
    payload,
    touch_tracking,
    touched,
    touched_arms,
    touched_real,
    tracking,
    working,
)
from ml3_ros.experiments.demonstrations import output as reacher_demos_output
from ml3_ros.experiments.digits import output as digits_output
from ml3_ros.experiments.free_rivals import output as free_rivals_output
from ml3_ros.experiments.generalisation import output as generalisation_output
from ml3_ros.experiments.model_based import output as model_based_output
from ml3_ros.experiments.model_free import output as model_free_output
from ml3_ros.experiments.mountain_car import output as mountain_car_output
from ml3_ros.experiments.runner.experiment import Arrays, Experiment, Report
from ml3_ros.experiments.runner.section import load_sections
from ml3_ros.experiments.sine import regression_output as sine_regression_output
from ml3_ros.experiments.sine import shaped_output as shaped_sine_output

__all__ = ["EXPERIMENTS", "SECTIONS", "Arrays", "Experiment", "Report"]

EXPERIMENTS: dict[str, Experiment] = {
    **sine_regression_output.EXPERIMENTS,
    **shaped_sine_output.EXPERIMENTS,
    **inverse_dynamics.EXPERIMENTS,
    **working.EXPERIMENTS,
    **digits_output.EXPERIMENTS,
    **generalisation_output.EXPERIMENTS,
    **model_based_output.EXPERIMENTS,
    **mountain_car_output.EXPERIMENTS,
    **reacher_demos_output.EXPERIMENTS,
    **model_free_output.EXPERIMENTS,
    **free_rivals_output.EXPERIMENTS,
    **tracking.EXPERIMENTS,
    **external_torque.EXPERIMENTS,
    **touch_tracking.EXPERIMENTS,
    **touched.EXPERIMENTS,
    **touched_arms.EXPERIMENTS,
    **touched_real.EXPERIMENTS,
    **payload.EXPERIMENTS,
    **metarl.EXPERIMENTS,
}

_ROOMS = (
    "sine",
    "digits",
    "generalisation",
    "working",
    "inverse_dynamics",
    "tracking",
    "touched",
    "touched_arms",
    "touched_real",
    "payload",
    "external_torque",
    "touch_tracking",
    "model_based",
    "model_free",
    "free_rivals",
    "mountain_car",
    "demonstrations",
    "metarl",
    "live",
)
SECTIONS = tuple(
    section for room in _ROOMS for section in load_sections(f"ml3_ros.experiments.{room}")
)
