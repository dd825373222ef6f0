# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The shaped sine at toy size; and that shaping does what it is for."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from ml3_ros.core.distill import DistillConfig, distill
from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.errors import ConfigError
from ml3_ros.experiments.runner.selection import snapshots
from ml3_ros.experiments.sine import shaped as shaped_sine
from ml3_ros.experiments.sine import shaped_output as shaped_sine_output
from ml3_ros.experiments.sine.recipes import frequency_recipe, squared_error
from ml3_ros.experiments.sine.shaped import (
    CHECKPOINTS,
    OMEGA,
    SHOWN,
    ShapedSineConfig,
    distances,
    landscapes,
    recovered,
    tasks_of,
)
from ml3_ros.experiments.sine.shaped_output import EXPERIMENTS, run_away
from ml3_ros.tasks.sine.frequency import LIMIT

TOY = ShapedSineConfig(seeds=1, n_frequencies=3, n_starts=2, outer_steps=2)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Return the folder of a finished toy run, and its arrays."""
    experiment = EXPERIMENTS["shaped_sine"]
    out = tmp_path_factory.mktemp("shaped_sine")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(shaped_sine.GRIDS, "sgd_tuned", ("sgd", (0.01, 0.03)))
        patch.setitem(shaped_sine.GRIDS, "adam_tuned", ("adam", (0.1,)))
        patch.setattr(shaped_sine, "N_FRAMES", 2)
        patch.setattr(shaped_sine_output, "LAST_FRAMES", 1)
        shared = experiment.prepare(TOY, out, print)
        seed = experiment.run_seed(TOY, 0, shared, out)
        experiment.finish(TOY, {0: seed}, shared, out, print)
    return out, seed


def test_headline_holds_the_shares_and_the_runaways(run):
    out, seed = run
    headline = json.loads((out / "metrics.json").read_text())["headline"]
    for name in ("ml3_shaped", "ml3_unshaped", "sgd_tuned", "adam_tuned", "ml3_shaped_mlp"):
        distance = seed[f"distance/{name}"]
        at = CHECKPOINTS.index(100)
        assert headline[f"{name}_recovered"] == pytest.approx((distance[:, at] <= 0.1).mean())
        assert headline[f"{name}_run_away"] == (distance[:, at] > 10.0).sum()
    assert headline["runs"] == 6


def test_figure_animation_and_losses_are_written(run):
    out, _ = run
    assert (out / "shaped_sine.png").stat().st_size > 10_000
    content = (out / "shaped_sine.gif").read_bytes()
    assert content[:4] == b"GIF8" and len(content) < 2_000_000
    LearnedLoss.load(out / "losses" / "ml3_shaped" / "seed_0.safetensors")


def test_all_methods_start_alike(run):
    _, seed = run
    starts = [value[:, 0] for name, value in seed.items() if name.startswith("distance/")]
    assert len(starts) == 6
    for start in starts:
        np.testing.assert_array_equal(start, starts[0])


def test_each_frequency_is_searched_for_from_several_starts_with_other_points():
    tasks, other = tasks_of(TOY, 0), tasks_of(TOY, 1)
    assert tasks.nu.tolist() == [-5.0, -5.0, 0.0, 0.0, 5.0, 5.0]
    assert not torch.equal(tasks.support["x"][0], tasks.support["x"][1])
    assert not torch.equal(tasks.support["x"], other.support["x"])


def test_runs_that_are_lost_are_counted():
    distance = np.full((1, 4, len(CHECKPOINTS)), 0.05)
    distance[0, 0, :], distance[0, 1, :] = 11.0, np.inf
    distance[0, 2, :] = 0.5
    assert run_away(distance) == 2
    np.testing.assert_allclose(recovered(distance[0]), 0.25)


def test_landscape_of_the_squared_error_is_zero_at_the_truth():
    values = landscapes(squared_error("sgd", 0.1), {})
    for nu, row in zip(SHOWN, values, strict=True):
        assert OMEGA[row.argmin()] == pytest.approx(nu, abs=0.03) and row.min() < 1e-3
        minima = (np.diff(np.sign(np.diff(row))) > 0).sum()
        assert minima > 3  # which is why a frequency is hard to find


@pytest.fixture(scope="module")
def shaped():
    """Return a shaped loss after a short meta-training."""
    recipe = frequency_recipe(200, shaped=True)
    return LearnedLoss(spec=recipe.spec, phi=snapshots(recipe.trainer(0), (200,))[-1])


def found(spec, phi):
    """Return the share of frequencies that is found under a loss."""
    tasks = tasks_of(replace(TOY, n_frequencies=21, n_starts=3), 0)
    return recovered(distances(tasks, spec, phi, (100,), 0))[0]


def test_a_shaped_loss_finds_frequencies_that_the_squared_error_does_not(shaped):
    share, plain = found(shaped.spec, shaped.phi), found(squared_error("sgd", 0.03), {})
    assert plain < 0.3 and share > 0.6, (plain, share)


def test_so_does_the_formula_that_it_is_distilled_to(shaped):
    formula, constant = (distill(shaped, DistillConfig(terms=n, reach=LIMIT)).loss for n in (6, 1))
    share = found(formula.spec, formula.phi)
    assert share >= 0.9 * found(shaped.spec, shaped.phi)
    assert found(constant.spec, constant.phi) < 0.5 * share


def test_sizes_that_do_not_fit_are_rejected():
    with pytest.raises(ConfigError):
        replace(TOY, n_starts=0)
