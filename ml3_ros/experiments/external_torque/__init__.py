# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""External torque of touched arms: what a learned physical model tells, beside usual observers."""

from dataclasses import replace

from ml3_ros.experiments.external_torque import real, real_output
from ml3_ros.experiments.external_torque.config import ContactConfig
from ml3_ros.experiments.external_torque.output import NAME, finish
from ml3_ros.experiments.external_torque.run import prepare, run_seed
from ml3_ros.experiments.runner.experiment import Experiment

_FULL = ContactConfig()

EXPERIMENTS = {
    NAME: Experiment(
        help="forces of people on an arm, estimated by momentum observers on learned models",
        config=_FULL,
        quick=replace(_FULL, seeds=2, n_robots=2, seconds=40.0, learn_seconds=20.0),
        prepare=prepare,
        run_seed=run_seed,
        finish=finish,
    ),
    real_output.NAME: Experiment(
        help="pushes of a person on a real UR10e, told from its recorded joint states",
        config=real.RealContactConfig(),
        quick=real.RealContactConfig(seeds=2),
        prepare=real.prepare,
        run_seed=real.run_seed,
        finish=real_output.finish,
    ),
}
