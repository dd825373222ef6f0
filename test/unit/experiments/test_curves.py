# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Learning curves: the same start and batches for all, and infinity for what diverged."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ml3_ros.core import inner_loop
from ml3_ros.experiments.inverse_dynamics import curves as curves_module
from ml3_ros.experiments.inverse_dynamics.curves import learning_curves
from ml3_ros.learners.inverse_dynamics.sampling import nmse
from ml3_ros.learners.inverse_dynamics.squared_error import squared_error


class Counted:
    """A function that counts its calls."""

    def __init__(self, function):
        self.function, self.calls = function, 0

    def __call__(self, *args, **kwargs):
        self.calls += 1
        return self.function(*args, **kwargs)


def baseline(family, rule, inner_lr):
    net = family.optimizee
    return squared_error(net.units, net.target, rule, inner_lr).spec


def test_a_good_baseline_learns_on_every_robot(family):
    curves = learning_curves(
        family, baseline(family, "adam", 0.01), [{}], (0, 10, 60), seeds=(0, 1)
    )
    assert curves.shape == (2, 2, 3, 2)  # seeds, robots, checkpoints, joints
    mean = curves.mean(-1)
    assert np.all(mean[:, :, 2] < 0.5 * mean[:, :, 0])


def test_methods_start_from_the_same_models(family):
    one, other = (
        learning_curves(family, baseline(family, *rule), [{}], (0, 1), seeds=(3, 4))
        for rule in (("sgd", 0.1), ("adam", 0.01))
    )
    np.testing.assert_array_equal(one[:, :, 0], other[:, :, 0])
    assert not np.array_equal(one[:, :, 1], other[:, :, 1])
    tasks = torch.arange(2)
    theta = family.init(tasks, torch.Generator().manual_seed(4))
    held_out = family.held_out(tasks)
    prediction = family.optimizee.call(theta, held_out)
    expected = nmse(prediction, held_out[family.optimizee.target]).detach()
    np.testing.assert_allclose(one[1, :, 0], expected, rtol=1e-4)


def test_seeds_do_not_depend_on_each_other(reacher, family):
    """Each seed has its own loss, models and batches."""
    trainer = reacher[2]()
    for _ in range(3):
        trainer.step()
    phis = [trainer.seed_phi(i) for i in range(2)]
    together = learning_curves(family, trainer.spec, phis, (0, 4), seeds=(7, 8))
    for i, seed in enumerate((7, 8)):
        alone = learning_curves(family, trainer.spec, [phis[i]], (0, 4), seeds=(seed,))
        np.testing.assert_allclose(together[i], alone[0], rtol=1e-3)
    shared = learning_curves(family, trainer.spec, phis[:1], (0, 4), seeds=(7, 8))
    np.testing.assert_allclose(shared[0], together[0], rtol=1e-3)
    assert not np.allclose(shared[1, :, 1], together[1, :, 1], rtol=1e-5)


@pytest.mark.parametrize("rule", ["sgd", "adam"])
def test_long_runs_are_replayed_to_the_same_curves(family, monkeypatch, rule):
    spec = baseline(family, rule, 0.01)
    plain = learning_curves(family, spec, [{}], (0, 12), seeds=(0, 5))
    monkeypatch.setattr(curves_module, "REPLAYED", 12)
    monkeypatch.setattr(curves_module, "inner_step", counted := Counted(inner_loop.inner_step))
    replayed = learning_curves(family, spec, [{}], (0, 12), seeds=(0, 5))
    np.testing.assert_allclose(replayed, plain, rtol=1e-3)
    assert counted.calls == 1


def test_checkpoints_do_not_change_the_run(family):
    spec = baseline(family, "adam", 0.01)
    every = learning_curves(family, spec, [{}], range(11), seeds=(0,))
    last = learning_curves(family, spec, [{}], (10,), seeds=(0,))
    np.testing.assert_array_equal(every[:, :, 10:], last)


def test_a_model_that_diverged_is_infinite(family):
    curves = learning_curves(family, baseline(family, "sgd", 1e8), [{}], (0, 30), seeds=(0,))
    assert np.isfinite(curves[:, :, 0]).all()
    assert np.isinf(curves[:, :, 1]).any()
    assert not np.isnan(curves).any()


@pytest.mark.parametrize("seeds", [(0,), (0, 1)])
def test_one_phi_serves_all_seeds(family, seeds):
    curves = learning_curves(family, baseline(family, "sgd", 0.1), [{}], (1,), seeds=seeds)
    assert curves.shape[0] == len(seeds)
