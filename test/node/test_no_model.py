# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Processes that adapt online import no model of the arm."""

from __future__ import annotations

import subprocess
import sys

import pytest

MODELS = """
import sys
names = ("pinocchio", "mujoco", "crocoddyl")
loaded = [m for m in sys.modules if m.split(".")[0] in names or m.startswith("ml3_ros.tasks")]
assert not loaded, loaded
"""

TRAINS_A_POLICY = """
import numpy as np
from ml3_ros import shipped_loss
from ml3_ros.learners.reaching.arm_task import task_of
from ml3_ros.learners.reaching.episodes import Recorder
from ml3_ros.learners.reaching.policy_learner import LossLearner

loss = shipped_loss("reacher_ml3_reach")
task = task_of(loss)
learner = LossLearner(task, loss)
learner.begin(0)
goal = np.array([0.1, 0.1])
recorder = Recorder(task, goal, 0, 1.0)
for k in range(task.horizon):
    state = np.full(task.n_states, 0.01 * k)
    recorder.add(state, 0.1 * state[:2], learner.act(state, goal))
assert np.isfinite(learner.update(recorder.finish(goal)))
"""


def runs(code):
    subprocess.run([sys.executable, "-c", code], timeout=120, check=True)


@pytest.mark.parametrize("node", ["policy_optimizer", "reach_optimizer"])
def test_the_process_that_adapts_imports_no_model(node):
    runs(f"import ml3_ros.nodes.{node}.node\n" + MODELS)


def test_a_policy_is_trained_without_a_model():
    runs("import ml3_ros.nodes.reach_optimizer.node\n" + TRAINS_A_POLICY + MODELS)
