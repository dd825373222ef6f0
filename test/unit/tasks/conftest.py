# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Recordings of two simulated Reachers, short enough for tests, and made-up signals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.learners.inverse_dynamics.net import InverseDynamicsNet
from ml3_ros.learners.inverse_dynamics.online import OnlineConfig, OnlineLearner
from ml3_ros.learners.inverse_dynamics.sampling import SamplingConfig
from ml3_ros.learners.inverse_dynamics.squared_error import squared_error
from ml3_ros.learners.inverse_dynamics.units import Units
from ml3_ros.robots.registry import load_robot
from ml3_ros.tasks.inverse_dynamics.recipes import EXCITATIONS
from ml3_ros.tasks.inverse_dynamics.recordings import Recordings
from ml3_ros.tasks.inverse_dynamics.simulated import SimulationConfig, simulate

REACHER = SimulationConfig(
    robot="reacher",
    excitation=EXCITATIONS["reacher"],
    rate=50.0,
    support_seconds=8.0,
    held_out_seconds=4.0,
    payload=(0.0, 0.02),
    mass_share=0.2,
    friction=(0.0, 1.0),
    torque_noise_share=0.01,
)


@pytest.fixture(scope="session")
def reacher_config():
    return REACHER


@pytest.fixture(scope="session")
def exact_config():
    """The same robots, as described, without noise."""
    return replace(
        REACHER,
        payload=(0.0, 0.0),
        mass_share=0.0,
        friction=(0.0, 0.0),
        velocity_noise=0.0,
        torque_noise_share=0.0,
    )


@pytest.fixture(scope="session")
def recordings():
    return simulate(REACHER, 3, seed=0)


def _units(recordings: Recordings, nle: str) -> Units:
    tau = recordings.tau if nle == "learned" else recordings.tau - recordings.nle
    return Units.from_samples(load_robot("reacher").names, recordings.v, recordings.a, tau)


@pytest.fixture(scope="session")
def units_of():
    """Return the units of recordings of a Reacher, by the mode of F."""
    return _units


@pytest.fixture(scope="session")
def units(recordings):
    return _units(recordings, "learned")


@pytest.fixture
def float64():
    """Everything made in the test is float64."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.fixture
def numbered():
    """Recordings whose every signal numbers recording and sample: 1000 * recording + sample."""
    n_recordings, n_samples, n = 2, 60, 2
    number = 1000.0 * torch.arange(n_recordings)[:, None] + torch.arange(n_samples)
    signal = number.unsqueeze(-1).expand(-1, -1, n).clone()
    return Recordings(
        q=signal,
        v=signal,
        a=signal,
        tau=signal,
        inertia=signal.unsqueeze(-1).expand(-1, -1, -1, n).clone(),
        nle=signal / 2.0,
        n_support=40,
    )


@pytest.fixture(scope="session")
def stream(recordings):
    """Return t (T,), and q, v, a, tau (T, n) of one arm."""
    signals = (getattr(recordings, name)[0].double().numpy() for name in ("q", "v", "a", "tau"))
    return (10.0 + 0.02 * np.arange(recordings.n_samples), *signals)


@pytest.fixture(scope="session")
def online_config():
    """Learn 4 steps from each window of 8 samples."""
    return OnlineConfig(sampling=SamplingConfig(steps_per_window=4, window=8))


@pytest.fixture
def online_losses(units):
    spec = units.loss_spec("tau", ("v", "a"), architecture="structured", inner_lr=0.02)
    phi = spec.network().init(torch.Generator().manual_seed(0))
    return {
        "ml3": LearnedLoss(spec=spec, phi=phi),
        "adam": squared_error(units, "tau", "adam", 0.01),
    }


@pytest.fixture
def make_learner(units, online_losses, online_config):
    """Make a small learner, of `online_losses` unless given others."""

    def learner(chosen=None, config=online_config, seed=0):
        net = InverseDynamicsNet(units, nle="learned", hidden=(16,))
        return OnlineLearner(net, online_losses if chosen is None else chosen, config, seed=seed)

    return learner


def _feed(online, stream, start, stop, learn=True):
    reports = []
    for row in zip(*(x[start:stop] for x in stream), strict=True):
        online.push(*row)
        report = online.learn() if learn else None
        reports += [report] if report else []
    return reports


@pytest.fixture(scope="session")
def feed():
    """Push samples start to stop, learn where possible and return the reports."""
    return _feed
