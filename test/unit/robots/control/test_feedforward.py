# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A learned feedforward torque fades in, stays within bounds, and fades out when it is stale."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml3_ros.errors import ConfigError, RobotError
from ml3_ros.robots.control.feedforward import Crossfade, FeedforwardConfig, FeedforwardGate

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
def test_invalid_configurations_are_rejected(config):
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


anything = st.floats() | st.sampled_from((1e308, -1e308, np.nan, np.inf))
torques = st.none() | st.lists(anything, min_size=2, max_size=2).map(np.array)


@given(
    st.sampled_from((0.0, 0.3, 1.0)),
    st.sampled_from((0.0, 2.0, np.inf)),
    st.lists(st.tuples(torques, anything, anything | st.just(0.01))),
)
def test_whatever_is_learned_what_passes_is_finite_and_within_its_share(share, effort, periods):
    learned = FeedforwardGate(np.full(2, effort), FeedforwardConfig(share=share, max_age=1.0))
    bound = share * effort if share else 0.0
    for tau, age, dt in periods:
        before = learned.weight
        try:
            trusted = learned.passed(tau, age, dt)
        except ConfigError:
            assert learned.weight == before
            continue
        assert np.isfinite(trusted.tau).all()
        assert (np.abs(trusted.tau) <= bound).all()
        assert 0.0 <= learned.weight <= 1.0
    learned.passed(np.zeros(2), 0.0, 1e6)
    np.testing.assert_array_equal(learned.passed(np.ones(2), 0.0, 1.0).tau, min(1.0, bound))


@pytest.mark.parametrize("shape", [(1,), (3,), (1, 2), (2, 2), ()])
def test_a_torque_of_another_shape_is_rejected(shape):
    learned = gate()
    weight = learned.weight
    with pytest.raises(RobotError, match="the learned torque has shape"):
        learned.passed(np.zeros(shape), 0.0, 0.1)
    assert learned.weight == weight


@pytest.mark.parametrize("dt", [np.nan, np.inf, -0.1])
def test_invalid_periods_change_nothing(dt):
    learned = gate(fade=0.5)
    learned.passed(TAU, 0.0, 0.1)
    with pytest.raises(ConfigError, match="dt is"):
        learned.passed(TAU, 0.0, dt)
    np.testing.assert_allclose(learned.passed(TAU, 0.0, 0.1).tau, 0.4 * TAU)


@pytest.mark.parametrize("effort", [[np.nan, 1.0], [1.0, -1.0]])
def test_effort_limits_without_a_meaning_are_rejected(effort):
    with pytest.raises(ConfigError, match="effort limits are"):
        FeedforwardGate(np.array(effort), FeedforwardConfig())


HERE = (np.zeros(2),) * 3
CONSTANTS = [lambda q, v, a, tau=tau: np.full(2, tau) for tau in (-8.0, -1.0, 0.0, 3.0, 8.0)]


@given(st.sampled_from((1, 2, 7, 50)), st.lists(st.sampled_from([None, *CONSTANTS])))
def test_whenever_a_change_over_begins_the_torque_takes_no_step_beyond_the_fades(
    periods, sequence
):
    mix = Crossfade(CONSTANTS[0], seconds=0.01 * periods, dt=0.01)
    newest, before = CONSTANTS[0], mix(*HERE)
    for changed in [*sequence, *[None] * periods]:
        if changed is not None:
            mix.to(changed)
            newest = changed
        tau = mix(*HERE)
        assert np.abs(tau - before).max() <= 16.0 / periods + 1e-4  # of the 16 N m in between
        assert np.abs(tau).max() <= 8.0 + 1e-9
        before = tau
    np.testing.assert_allclose(mix(*HERE), newest(*HERE), atol=1e-12)


def test_a_mixture_that_is_faded_out_still_follows_the_reference():
    mix = Crossfade(lambda q, v, a: 2.0 * q, seconds=1.0, dt=0.1)
    mix.to(lambda q, v, a: 4.0 * q)
    for _ in range(5):
        mix(*HERE)
    mix.to(lambda q, v, a: 0.0 * q)
    q = np.ones(2)
    np.testing.assert_allclose([mix(q, q, q)[0] for _ in range(2)], [0.9 * 3.0, 0.8 * 3.0])


def test_changing_over_every_period_stays_cheap():
    mix, evaluated = Crossfade(CONSTANTS[0], seconds=0.1, dt=0.01), []
    for k in range(300):
        mix.to(lambda q, v, a, k=k: evaluated.append(k) or q)
        mix(*HERE)
    evaluated.clear()
    mix(*HERE)
    assert len(evaluated) < 140


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf])
@pytest.mark.parametrize("name", ["seconds", "dt"])
def test_a_change_over_without_a_duration_is_rejected(name, bad):
    with pytest.raises(ConfigError, match=f"{name} is {bad}"):
        Crossfade(CONSTANTS[0], **{"seconds": 1.0, "dt": 0.01, name: bad})
