# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Gymnasium's robots, of which many are simulated at once by `mujoco.rollout`."""

import logging
import os
from importlib.util import find_spec
from pathlib import Path

import mujoco
import numpy as np
from mujoco import rollout
from numpy.typing import NDArray

from ml3_ros.errors import ConfigError, RobotError

_STATE = mujoco.mjtState.mjSTATE_FULLPHYSICS

# MuJoCo's own handler appends to a file in the current folder.
mujoco.set_mju_user_warning(logging.getLogger(__name__).debug)


def gym_asset(name: str) -> Path:
    """Return the MJCF file of one of Gymnasium's robots, such as "reacher" or "ant".

    Raises:
        ConfigError: Gymnasium is not installed.
        RobotError: It has no such robot.
    """
    found = find_spec("gymnasium")
    if found is None or found.origin is None:
        raise ConfigError(
            f"the {name} comes with Gymnasium: run `pip install gymnasium` (extra ml3_ros[rl])"
        )
    # its modules are not imported: they want a renderer
    path = Path(found.origin).parent / "envs" / "mujoco" / "assets" / f"{name}.xml"
    if not path.exists():
        raise RobotError(f"this Gymnasium has no robot {name!r}: update it")
    return path


class ParallelSimulation:
    """Any number of copies of one model, advanced together.

    A state is MuJoCo's full physics state: time [s], qpos, qvel (and activations, of which these
    robots have none). A step depends on states and controls alone: solvers start cold, so results
    are the same for any number of threads.

    Args:
        model: MJCF file.
        substeps: Physics steps under one control.
        threads: None takes one a core.
    """

    def __init__(self, model: Path, substeps: int, threads: int | None = None) -> None:
        if substeps < 1 or (threads is not None and threads < 1):
            raise ConfigError(f"substeps and threads must be >= 1, got {substeps} and {threads}")
        self.model = mujoco.MjModel.from_xml_path(str(model))
        self.substeps = substeps
        self.nq, self.nv, self.nu = self.model.nq, self.model.nv, self.model.nu
        self.n_states = mujoco.mj_stateSize(self.model, _STATE)
        n = threads or len(os.sched_getaffinity(0))
        self._data = [mujoco.MjData(self.model) for _ in range(n)]
        # a pool of one thread is slower than none
        self._rollout = rollout.Rollout(nthread=n if n > 1 else 0)

    @property
    def period(self) -> float:
        """Time between controls [s]."""
        return float(self.model.opt.timestep * self.substeps)

    def home(self) -> NDArray[np.float64]:
        """Return the state (n_states,) that the file describes."""
        state = np.empty(self.n_states)
        mujoco.mj_getState(self.model, mujoco.MjData(self.model), state, _STATE)
        return state

    def step(
        self, states: NDArray[np.float64], controls: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the states (N, n_states) one period after `states` under controls (N, nu)."""
        held = np.repeat(controls[:, None], self.substeps, axis=1)
        states, _ = self._rollout.rollout(self.model, self._data, states, held)
        return np.asarray(states[:, -1])
