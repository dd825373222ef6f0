# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Networks take what a fit leaves where left-out blocks agree, and see no held-out ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ml3_ros.errors import ConfigError, LossFileError
from ml3_ros.identification.fits import Explained, classical
from ml3_ros.identification.models.scores import nmse
from ml3_ros.identification.networks.config import NetworkConfig
from ml3_ros.identification.networks.train import adam, find_loss, train_best, units_of

LEARNS = NetworkConfig(seeds=2, batch_size=64, hidden=(16,), marks=(100, 300))


@pytest.fixture(scope="module")
def wavy(rows):
    """Rows with a torque that depends on the pose in a way that no model here knows."""
    return replace(rows, tau=rows.tau + 2.0 * np.sin(2.0 * rows.q))


def test_a_network_learns_what_the_fit_cannot_say(wavy, data):
    base = classical(Explained(wavy, data.tau_rbd, data.regressor))
    trained = train_best(wavy, base, [adam(units_of(wavy), 1e-2)], LEARNS)
    out = wavy.held_out
    before = nmse(base.predicted[-1][out], wavy.tau[out])
    after = np.mean([nmse(one[out], wavy.tau[out]) for one in trained.predicted], axis=0)
    assert (after < 0.5 * before).all()
    assert (trained.share > 0.5).all()


def test_of_noise_nothing_is_kept(rows, data):
    """The classical fit explains all there is: what is left is the sensor's noise."""
    base = classical(data)
    trained = train_best(rows, base, [adam(units_of(rows), 1e-2)], LEARNS)
    assert (trained.share < 0.05).all()
    np.testing.assert_allclose(trained.predicted[0], base.predicted[-1], atol=0.01)


def test_what_helps_in_some_blocks_only_is_not_kept(rows, data):
    """The torque of the pose turns its sign from one inner group to the others."""
    turned = np.where(rows.group == 0, -1.0, 1.0)[:, None]
    other = replace(rows, tau=rows.tau + 2.0 * turned * np.sin(2.0 * rows.q))
    base = classical(Explained(other, data.tau_rbd, data.regressor))
    trained = train_best(other, base, [adam(units_of(other), 1e-2)], LEARNS)
    assert (trained.share < 0.1).all()


def test_held_out_rows_change_nothing(rows, data, tiny):
    spoilt = replace(rows, tau=rows.tau + 50.0 * rows.held_out[:, None])
    for base in (None, classical(data)):
        before, after = (
            train_best(x, base, [adam(units_of(x), 1e-2)], tiny) for x in (rows, spoilt)
        )
        np.testing.assert_array_equal(before.predicted, after.predicted)
        np.testing.assert_array_equal(before.steps, after.steps)


def test_the_step_size_is_chosen_on_left_out_blocks(rows, tiny):
    losses = [adam(units_of(rows), step) for step in (1e-6, 1e-2)]
    each = [train_best(rows, None, [loss], tiny) for loss in losses]
    assert each[1].error < each[0].error
    assert train_best(rows, None, losses, tiny).loss is losses[1]


def test_seeds_differ_and_repeat(rows, tiny):
    losses = [adam(units_of(rows), 1e-2)]
    one, two = (train_best(rows, None, losses, tiny).predicted for _ in range(2))
    np.testing.assert_array_equal(one, two)
    assert one.shape == (2, *rows.tau.shape)
    assert not np.allclose(one[0], one[1])


def test_a_loss_of_as_many_joints_serves_an_arm_that_has_none(rows, tiny):
    units = units_of(rows)
    loss, words = find_loss(None, units)
    assert "reacher_ml3_adaptive" in words and "in the place of this arm's" in words
    loss.check_labels(("shoulder", "elbow"))
    assert loss.spec.target.scale == units.effort
    assert np.isfinite(train_best(rows, None, [loss], tiny).error)


def test_an_arm_gets_its_own_loss(rows):
    units = units_of(rows)
    own = replace(units, joint_names=tuple(f"joint{i}" for i in range(2)))
    loss, words = find_loss("reacher_ml3_shaped", own)
    assert "reacher_ml3_shaped" in words and loss.spec.target.labels == ("joint0", "joint1")


def test_losses_of_other_arms_are_rejected(rows):
    units = units_of(rows)
    with pytest.raises(LossFileError, match=r"not one for the torques of 2 joints.*ml3 train"):
        find_loss("sawyer_ml3_shaped", units)
    names = tuple("abcde")
    five = replace(
        units, joint_names=names, velocity=(1.0,) * 5, acceleration=(1.0,) * 5, effort=(1.0,) * 5
    )
    with pytest.raises(LossFileError, match=r"no shipped loss is for 5 joints.*loss=FILE"):
        find_loss(None, five)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"seeds": 0}, "seeds and batch_size must be >= 1"),
        ({"marks": ()}, "rising numbers of steps"),
        ({"marks": (20, 10)}, "rising numbers of steps"),
    ],
)
def test_invalid_settings_are_rejected(wrong, sentence):
    with pytest.raises(ConfigError, match=sentence):
        NetworkConfig(**wrong)
