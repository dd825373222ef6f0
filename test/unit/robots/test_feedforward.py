"""A learned torque is let in gradually, within bounds, and only while it can be trusted."""

from __future__ import annotations

import numpy as np
import pytest

from ml3_ros.errors import ConfigError
from ml3_ros.robots.feedforward import Crossfade, FeedforwardConfig, FeedforwardGate

EFFORT = np.array([10.0, 2.0])
TAU = np.array([4.0, -1.0])


def gate(**config):
    return FeedforwardGate(EFFORT, FeedforwardConfig(**config))


def test_a_torque_is_faded_in():
    learned = gate(fade=0.5)
    shares = [learned.passed(TAU, 0.0, 0.1).tau[0] / TAU[0] for _ in range(7)]
    np.testing.assert_allclose(shares, [0.2, 0.4, 0.6, 0.8, 1.0, 1.0, 1.0])


def test_it_takes_no_more_than_its_share_of_the_effort_limits():
    learned = gate(share=0.3, fade=0.1)
    trusted = learned.passed(np.array([4.0, -1.0]), 0.0, 0.1)
    np.testing.assert_allclose(trusted.tau, [3.0, -0.6])
    assert trusted.fault == "feedforward torques over their share"
    assert learned.passed(np.array([1.0, 0.1]), 0.0, 0.1).fault is None


def test_a_model_that_is_too_old_is_faded_out_and_in_again():
    learned = gate(fade=0.2, max_age=1.0)
    for age, weight, fault in (
        (0.0, 0.5, None),
        (1.0, 1.0, None),
        (1.1, 0.5, "models too old"),
        (np.nan, 0.0, "models too old"),
        (2.0, 0.0, "models too old"),
        (0.0, 0.5, None),
    ):
        trusted = learned.passed(TAU, age, 0.1)
        np.testing.assert_allclose(trusted.tau, weight * TAU)
        assert trusted.fault == fault


def test_without_a_finite_torque_there_is_none_at_once():
    learned = gate(fade=0.1)
    learned.passed(TAU, 0.0, 0.1)
    trusted = learned.passed(np.array([np.nan, 1.0]), 0.0, 0.1)
    np.testing.assert_array_equal(trusted.tau, 0.0)
    assert trusted.fault == "not finite feedforward torques"
    np.testing.assert_allclose(learned.passed(TAU, 0.0, 0.05).tau, 0.5 * TAU)


def test_before_there_is_a_model_there_is_no_torque_and_no_fault():
    trusted = gate().passed(None, np.inf, 0.1)
    np.testing.assert_array_equal(trusted.tau, 0.0)
    assert trusted.fault is None


@pytest.mark.parametrize("config", [{"share": 1.1}, {"fade": 0.0}, {"max_age": np.nan}])
def test_a_configuration_without_a_meaning_is_refused(config):
    with pytest.raises(ConfigError, match=next(iter(config))):
        gate(**config)


def test_one_feedforward_turns_into_another_without_a_jump():
    def constant(*tau):
        return lambda q, v, a: np.array(tau)

    mix = Crossfade(constant(4.0, 0.0), seconds=0.4, dt=0.1)
    here = (np.zeros(2),) * 3
    assert mix(*here)[0] == 4.0
    mix.to(constant(0.0, 8.0))
    found = [mix(*here) for _ in range(2)]
    mix.replace(constant(0.0, 16.0))  # a newer version of what is faded in
    found += [mix(*here) for _ in range(3)]
    np.testing.assert_allclose(found, [[3, 2], [2, 4], [1, 12], [0, 16], [0, 16]], atol=1e-12)
