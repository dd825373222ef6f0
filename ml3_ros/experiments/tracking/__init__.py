# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Closed-loop tracking with a feedforward that is learned on the way, and a changing payload."""

from dataclasses import replace

from ml3_ros.experiments.runner.experiment import Experiment
from ml3_ros.experiments.tracking.config import TrackingConfig
from ml3_ros.experiments.tracking.output import NAME, finish
from ml3_ros.experiments.tracking.run import prepare, run_seed

_FULL = TrackingConfig()
_QUICK = replace(
    _FULL,
    methods=(
        "feedback_only",
        "rigid_body",
        "ml3_shaped",
        "ml3_prior",
        "sgd_tuned",
        "adam_tuned",
        "ml3_shaped_residual",
        "adam_tuned_residual",
        "least_squares_friction",
    ),
    seeds=2,
    n_robots=1,
    n_validation_robots=1,
    marks=(0.0, 2.0, 5.0, 10.0),
    test_seconds=10.0,
    after_seconds=10.0,
)

EXPERIMENTS = {
    NAME: Experiment(
        help="computed torque with a learned feedforward in closed loop, and a payload that grows",
        config=_FULL,
        quick=_QUICK,
        prepare=prepare,
        run_seed=run_seed,
        finish=finish,
    )
}
