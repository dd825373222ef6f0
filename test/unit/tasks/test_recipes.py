# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Recipes of losses for working arms: what they see, and that meta-training moves all of it."""

from __future__ import annotations

import pytest
import torch

from ml3_ros.errors import ConfigError
from ml3_ros.tasks.inverse_dynamics.recipes import Recipe


def test_a_pull_on_the_inertia_is_meta_trained_with_the_weights_of_errors(recordings, units_of):
    units = units_of(recordings, "given")
    recipe = Recipe(nle="given", architecture="inertia_pull", n_outer_steps=3, n_tasks=2)
    trainer = recipe.trainer(recordings, units, "reacher", (0,))
    before = trainer.seed_phi(0)
    while not trainer.done:
        trainer.step()
    unchanged = [k for k, p in trainer.seed_phi(0).items() if torch.equal(p, before[k])]
    assert not unchanged
    assert [c.name for c in trainer.spec.context] == ["q", "a"]
    assert recipe.weights() == (("inertia", 1.0),)


def test_gradients_are_clipped_where_the_recipe_says_so(recordings, units_of):
    units = units_of(recordings, "given")
    spec = Recipe(nle="given", clip_norm=0.5).loss_spec(units, "reacher")
    assert (spec.inner_optimizer, spec.clip_norm) == ("sgd", 0.5)
    assert Recipe(nle="given").loss_spec(units, "reacher").clip_norm is None


@pytest.mark.parametrize(
    "other",
    [
        {"nle": "learned"},
        {"nle": "given", "architecture": "adaptive"},
        {"nle": "given", "learned_steps": True},
    ],
)
def test_clipping_under_adam_is_rejected(other):
    with pytest.raises(ConfigError, match="clip_norm"):
        Recipe(clip_norm=3.0, **other)


def test_step_sizes_can_be_learned_alone_or_with_a_loss(recordings, units_of):
    units = units_of(recordings, "given")
    learned = {}
    for rest in ({"architecture": "steps"}, {"learned_steps": True}):
        recipe = Recipe(nle="given", n_outer_steps=2, n_tasks=2, **rest)
        trainer = recipe.trainer(recordings, units, "reacher", (0,))
        while not trainer.done:
            trainer.step()
        assert trainer.spec.inner_optimizer == "scheduled_adam"
        learned[trainer.spec.architecture] = trainer.seed_phi(0)
    assert set(learned["squared_error"]) == {"step_sizes"}
    assert {"step_sizes", "log_scale"} < set(learned["structured"])
    assert all(float(phi["step_sizes"].abs().max()) > 0.0 for phi in learned.values())
