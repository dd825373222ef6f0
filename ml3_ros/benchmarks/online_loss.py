# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Losses that go on learning on a stream (AdaLFL), beside the same ones frozen: does it help?

Each trains a fresh network on the same stream of an arm, free or pushed by people; then the error
on later motion counts, of the torque without contacts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from ml3_ros.core.types import Batch
from ml3_ros.learners.inverse_dynamics.net import InverseDynamicsNet
from ml3_ros.learners.inverse_dynamics.online import OnlineConfig, OnlineLearner
from ml3_ros.learners.inverse_dynamics.sampling import nmse
from ml3_ros.learners.inverse_dynamics.units import Units
from ml3_ros.reports.tables import number, text_table
from ml3_ros.tasks.touched.contacts import ContactConfig, Kind
from ml3_ros.tasks.touched.simulated import TouchedConfig, simulate_touched
from ml3_ros.zoo import shipped_loss

ROBOT = "reacher"
LOSSES = ("ml3_shaped", "ml3_adaptive")
STREAMS: tuple[Kind, ...] = ("none", "pushing")
RATES = (0.0, 1e-3, 1e-2)  # step sizes on phi, the frozen loss first
SEEDS, QUICK_SEEDS = 5, 1
SAMPLES, RATE = 400, 50.0  # that are learned from, and how many a second [Hz]
SIMULATION_SEED = 700
FORCE = (0.02, 0.25)  # of contacts [N]: about the torque that the small arm needs itself


def run(
    report: Callable[[str], None] = print, *, quick: bool = False
) -> dict[str, NDArray[np.float64]]:
    """Measure and report a table.

    Returns:
        NMSE (seeds, step sizes) by "LOSS, STREAM".
    """
    torch.set_num_threads(1)
    n_seeds = QUICK_SEEDS if quick else SEEDS
    errors = {
        f"{ROBOT}_{name}, {kind}": _errors(f"{ROBOT}_{name}", kind, n_seeds)
        for name in LOSSES
        for kind in STREAMS
    }
    rows: list[Sequence[str]] = []
    for name, each in errors.items():
        logs = np.log(each / each[:, :1])
        cells = [f"{number(np.exp(x.mean()))} ± {number(x.std(), 2)}" for x in logs.T[1:]]
        rows.append([name, number(float(np.exp(np.log(each[:, 0]).mean()))), *cells])
    header = ["error on later motion", "frozen", *(f"{lr:g} over frozen" for lr in RATES[1:])]
    report(text_table(header, rows))
    return errors


def _errors(name: str, kind: Kind, n_seeds: int) -> NDArray[np.float64]:
    """Return the NMSE (seeds, step sizes), mean over joints."""
    loss = shipped_loss(name)
    net = InverseDynamicsNet(Units.from_dict(loss.provenance["units"]))
    config = TouchedConfig(
        robot=ROBOT,
        contacts=ContactConfig(kind=kind, force=FORCE),
        rate=RATE,
        support_seconds=SAMPLES / RATE,
        held_out_seconds=SAMPLES / RATE,
    )
    arms = simulate_touched(config, n_seeds, SIMULATION_SEED)
    signals = {"q": arms.q, "v": arms.v, "a": arms.a, "tau": arms.tau}
    table = np.empty((n_seeds, len(RATES)))
    for seed in range(n_seeds):
        learned = {k: x[seed, :SAMPLES] for k, x in signals.items()}
        later = {k: x[seed, SAMPLES:] for k, x in signals.items()}
        for column, lr in enumerate(RATES):
            learner = OnlineLearner(net, {"loss": loss}, OnlineConfig(loss_lr=lr), seed=seed)
            _stream(learner, learned)
            with torch.no_grad():
                prediction = net.call(learner.methods["loss"].theta, later)
            table[seed, column] = float(nmse(prediction, arms.free[seed, SAMPLES:]).mean())
    return table


def _stream(learner: OnlineLearner, samples: Batch) -> None:
    """Let a learner see samples (T, n) one by one."""
    for k, row in enumerate(zip(*(x.double().numpy() for x in samples.values()), strict=True)):
        learner.push(k / RATE, *row)
        learner.learn()
