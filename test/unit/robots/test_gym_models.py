# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Gymnasium's robots in parallel: what Gymnasium itself does, for any number of threads."""

from __future__ import annotations

import importlib.util
import sys
import types

import mujoco
import numpy as np
import pytest

from ml3_ros.errors import ConfigError, RobotError
from ml3_ros.robots import gym_models
from ml3_ros.robots.gym_models import ParallelSimulation, gym_asset

pytest.importorskip("gymnasium")
ROBOTS = {"reacher": (2, "reacher_v5", "ReacherEnv"), "ant": (5, "ant_v5", "AntEnv")}


@pytest.fixture(params=ROBOTS)
def robot(request, monkeypatch):
    """Return a simulation and Gymnasium's environment of the same robot."""
    substeps, module, name = ROBOTS[request.param]
    if importlib.util.find_spec("imageio") is None:  # it draws only, yet Gymnasium imports it
        monkeypatch.setitem(sys.modules, "imageio", types.ModuleType("imageio"))
    module = importlib.import_module(f"gymnasium.envs.mujoco.{module}")
    return ParallelSimulation(gym_asset(request.param), substeps, 1), getattr(module, name)()


def full_state(env):
    return np.concatenate([[env.data.time], env.data.qpos, env.data.qvel])


def test_steps_are_those_of_gymnasium(robot):
    simulation, env = robot
    assert simulation.period == pytest.approx(env.dt)
    env.reset(seed=0)
    generator = np.random.default_rng(0)
    for _ in range(10):
        before = full_state(env)
        action = generator.uniform(-1.0, 1.0, simulation.nu)
        # Gymnasium's solver starts from its last solution, ours does not
        env.data.qacc_warmstart[:] = 0.0
        env.step(action)
        after = simulation.step(before[None], action[None])[0]
        np.testing.assert_allclose(after, full_state(env), rtol=1e-6, atol=1e-6)


def test_results_do_not_depend_on_threads_or_company(robot):
    simulation, _ = robot
    generator = np.random.default_rng(1)
    states = np.tile(simulation.home(), (7, 1))
    states[:, 1 + simulation.nq :] = generator.normal(size=(7, simulation.nv))
    controls = generator.uniform(-1.0, 1.0, (7, simulation.nu))
    expected = simulation.step(states, controls)
    np.testing.assert_array_equal(simulation.step(states, controls), expected)
    np.testing.assert_array_equal(simulation.step(states[3:4], controls[3:4])[0], expected[3])
    several = ParallelSimulation(gym_asset("ant"), 5, 3) if simulation.nu == 8 else None
    several = several or ParallelSimulation(gym_asset("reacher"), 2, 3)
    np.testing.assert_array_equal(several.step(states, controls), expected)


def test_home_is_that_of_the_file(robot):
    simulation, env = robot
    np.testing.assert_array_equal(simulation.home()[1 : 1 + simulation.nq], env.model.qpos0)
    assert simulation.n_states == 1 + simulation.nq + simulation.nv
    assert simulation.model.nu == env.model.nu and isinstance(simulation.model, mujoco.MjModel)


def test_without_gymnasium_an_error_names_what_to_install(monkeypatch):
    monkeypatch.setattr(gym_models, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install gymnasium` \(extra ml3_ros\[rl\]"):
        gym_asset("ant")


def test_an_unknown_robot_and_no_threads_are_rejected():
    with pytest.raises(RobotError, match="unicorn"):
        gym_asset("unicorn")
    with pytest.raises(ConfigError, match="threads"):
        ParallelSimulation(gym_asset("reacher"), 2, 0)
