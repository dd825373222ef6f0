# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A planar arm of two joints that hangs, with friction and gains that are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ml3_ros.data.bags.writer import write_joint_states
from ml3_ros.data.recording import JointRecording, RecordingChecks
from ml3_ros.identification.fits import Explained
from ml3_ros.identification.networks.config import NetworkConfig
from ml3_ros.identification.split import SplitConfig, block_rows
from ml3_ros.robots.control.trajectories import Excitation, ExcitationConfig
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot

TRUE = np.array([[1.0, 0.8, 1.5, 0.3], [2.5, 0.4, 0.9, -0.2]])  # gain, viscous, coulomb, offset
RATE = 100.0
LINK = """
  <link name="{name}"><inertial><origin xyz="0 0 -0.3"/><mass value="{mass}"/>
    <inertia ixx="0.02" iyy="0.02" izz="0.005" ixy="0" ixz="0" iyz="0"/></inertial></link>
  <joint name="{joint}" type="revolute"><parent link="{parent}"/><child link="{name}"/>
    <origin xyz="0 0 {z}"/><axis xyz="0 1 0"/>
    <limit lower="-2.5" upper="2.5" velocity="4" effort="80"/></joint>
"""
URDF = (
    '<robot name="pendulum"><link name="base"/>'
    + LINK.format(name="upper", joint="shoulder", parent="base", mass=3.0, z=0)
    + LINK.format(name="lower", joint="elbow", parent="upper", mass=1.5, z=-0.5)
    + "</robot>"
)


@pytest.fixture(scope="session")
def urdf(tmp_path_factory):
    """Path of the arm's URDF."""
    path = tmp_path_factory.mktemp("arm") / "pendulum.urdf"
    path.write_text(URDF)
    return path


@pytest.fixture(scope="session")
def model(urdf):
    return PinocchioModel(load_robot(urdf))


@pytest.fixture(scope="session")
def recording(urdf, model):
    """24 s at 100 Hz of the arm in motion; its effort has known gains and friction."""
    arm = load_robot(urdf)
    t = np.arange(round(24.0 * RATE)) / RATE
    path = Excitation(arm.limits, arm.home, seed=3, config=ExcitationConfig(frequency=(0.2, 0.8)))
    q, v, a = path.at(t + 5.0)
    rng = np.random.default_rng(1)
    gain, viscous, coulomb, offset = TRUE.T
    tau = gain * model.rnea(q, v, a) + viscous * v + coulomb * np.sign(v) + offset
    return JointRecording(
        names=model.names,
        t=t,
        q=q,
        v=v,
        tau=tau + 0.02 * rng.normal(size=tau.shape),
        start_ns=5_000_000_000,
        topic="/joint_states",
        checks=RecordingChecks(messages=len(t)),
    )


@pytest.fixture(scope="session")
def rows(recording):
    return block_rows(recording, SplitConfig())


@pytest.fixture(scope="session")
def data(rows, model):
    return Explained.by(model, rows)


@pytest.fixture
def changed(recording):
    """Return the recording with some signals replaced: (q=..., tau=...) -> recording."""
    return lambda **signals: replace(recording, **signals)


@pytest.fixture(scope="session")
def tiny():
    """Networks that take a moment."""
    return NetworkConfig(
        seeds=2, batch_size=16, hidden=(8, 8), marks=(5, 20), adam_steps=(3e-3, 1e-2)
    )


@pytest.fixture
def save_bag():
    """Write a bag folder: (path, recording) -> path."""

    def save(path, recording):
        write_joint_states(path, recording)
        return path

    return save
