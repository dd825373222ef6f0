# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The loss that is kept is the best on the way, not the last."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from ml3_ros.errors import ConfigError
from ml3_ros.experiments.runner.selection import N_SCORED, train_and_select


class Counted:
    """A meta-training whose loss is the number of its outer steps."""

    spec = None

    def __init__(self, n_outer_steps=3 * N_SCORED):
        self.config, self.n = SimpleNamespace(n_outer_steps=n_outer_steps), 0

    def step(self):
        self.n += 1

    def seed_phi(self, index):
        return {"n": self.n}


def test_the_best_loss_on_the_way_is_kept():
    trainer = Counted()
    selected = train_and_select(trainer, lambda spec, phi: abs(phi["n"] - 7), "test")
    assert selected.step == 6 and selected.phi == {"n": 6}
    assert selected.scores == tuple(abs(n - 7) for n in range(3, 3 * N_SCORED + 1, 3))
    assert trainer.n == 3 * N_SCORED  # it goes on to the end


def test_an_outer_step_given_from_outside_is_used():
    trainer, steps = Counted(), []

    def step():
        steps.append(trainer.step())

    train_and_select(trainer, lambda spec, phi: 1.0, "test", step)
    assert len(steps) == 3 * N_SCORED


def test_losses_under_which_policies_diverge_are_not_kept():
    scores = iter([1.0, np.nan, np.inf, 3.0, 2.0, np.nan])
    selected = train_and_select(Counted(), lambda spec, phi: next(scores), "test")
    assert selected.step == 3
    with pytest.raises(ConfigError, match="diverged under every loss"):
        train_and_select(Counted(), lambda spec, phi: np.inf, "test")


def test_short_trainings_are_looked_at_as_often_as_they_can():
    assert len(train_and_select(Counted(2), lambda spec, phi: 0.0, "test").scores) == 2
