# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Simulated recordings of an arm of three joints: sums of sines, friction, rotors, noise."""

from __future__ import annotations

import numpy as np
import pytest

from ml3_ros.data.recording import JointRecording, RecordingChecks
from ml3_ros.identification.diagnosis.findings import diagnose
from ml3_ros.identification.fits import Explained
from ml3_ros.identification.split import block_rows
from ml3_ros.robots.perturbation import Perturbation
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot

LINK = """
  <link name="{link}"><inertial><origin xyz="{com}"/><mass value="{mass}"/>
    <inertia ixx="{i}" iyy="{i}" izz="{i}" ixy="0" ixz="0" iyz="0"/></inertial></link>
  <joint name="{joint}" type="revolute"><parent link="{parent}"/><child link="{link}"/>
    <origin xyz="{at}"/><axis xyz="{axis}"/>
    <limit lower="-2.9" upper="2.9" velocity="4" effort="{effort}"/></joint>
"""
LINKS = (
    dict(link="a", parent="base", joint="turn", axis="0 0 1", at="0 0 0.2", com="0 0 0.1",
         mass=4.0, i=0.03, effort=80),
    dict(link="b", parent="a", joint="lift", axis="0 1 0", at="0 0 0.15", com="0.17 0 0",
         mass=3.0, i=0.03, effort=60),
    dict(link="c", parent="b", joint="bend", axis="0 1 0", at="0.35 0 0", com="0.12 0 0.02",
         mass=1.2, i=0.007, effort=20),
)  # fmt: skip
URDF = (
    '<robot name="three"><link name="base"/>'
    + "".join(LINK.format(**link) for link in LINKS)
    + '<link name="hand"/><joint name="to_hand" type="fixed"><parent link="c"/>'
    '<child link="hand"/><origin xyz="0.25 0 0"/></joint></robot>'
)
LIMIT = np.array([80.0, 60.0, 20.0])


@pytest.fixture(scope="session")
def arm(tmp_path_factory):
    """Description of the arm."""
    path = tmp_path_factory.mktemp("three") / "three.urdf"
    path.write_text(URDF)
    return load_robot(path)


@pytest.fixture(scope="session")
def model(arm):
    return PinocchioModel(arm)


@pytest.fixture(scope="session")
def record(arm):
    """Simulate a recording: (seed, noise=..., friction=..., ...) -> recording."""

    def simulate(
        seed=0, *, noise=0.01, friction=0.3, rotor=0.0, gain=1.0, masses=1.0, payload=0.0,
        seconds=20.0, rate=100.0,
    ):  # fmt: skip
        truth = PinocchioModel(arm, Perturbation(mass_scale=masses, payload=payload))
        rng = np.random.default_rng(seed)
        t = np.arange(0.0, seconds, 1.0 / rate)
        w = 2.0 * np.pi * rng.uniform(0.1, 0.7, (4, 3))
        c = 0.35 * rng.uniform(0.3, 1.0, (4, 3))
        x = t[:, None, None] * w + rng.uniform(0.0, 2.0 * np.pi, (4, 3))
        q = np.array([0.0, 0.3, -0.4]) + (c * np.sin(x)).sum(1)
        v, a = (c * w * np.cos(x)).sum(1), -(c * w**2 * np.sin(x)).sum(1)
        tau = truth.rnea(q, v, a) + rotor * a
        size = np.maximum(tau.std(axis=0), 0.05)
        tau = tau + size * (0.5 * friction * v + friction * np.tanh(v / 0.02))
        tau = gain * tau + noise * gain * size * rng.normal(size=tau.shape)
        return JointRecording(
            names=truth.names,
            t=t,
            q=q + 1e-5 * rng.normal(size=q.shape),
            v=v + 1e-3 * rng.normal(size=q.shape),
            tau=tau,
            start_ns=5_000_000_000,
            topic="/joint_states",
            checks=RecordingChecks(messages=len(t)),
        )

    return simulate


@pytest.fixture(scope="session")
def problems(model):
    """Diagnose a recording: -> the sentences of what is wrong."""

    def of(recording, other=None):
        used = other or model
        data = Explained.by(used, block_rows(recording))
        return [p for f in diagnose(recording, data, used) for p in f.problems]

    return of
