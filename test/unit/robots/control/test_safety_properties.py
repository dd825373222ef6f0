# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Whatever goes into the last stage before motors, what comes out is finite and within limits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ml3_ros.errors import ConfigError, Ml3Error, RobotError
from ml3_ros.robots.base import JointLimits
from ml3_ros.robots.control.safety import SafetyStage
from ml3_ros.robots.control.safety_config import NoTorqueError, SafetyConfig, SafetyStop
from ml3_ros.robots.mujoco_arm import MujocoArm
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot

SAWYER = load_robot("sawyer")
MODELS = {"pinocchio": PinocchioModel(SAWYER), "mujoco": MujocoArm(SAWYER)}
EDGES = (0.0, -0.0, 1.0, -1.0, 1e-3, 5e-324, 1e38, 1e308, -1e308)
N = 2  # joints of the arms that are made up here

finite = (
    st.sampled_from(EDGES)
    | st.floats(-10.0, 10.0)
    | st.floats(allow_nan=False, allow_infinity=False)
)
anything = finite | st.sampled_from((np.nan, np.inf, -np.inf))
bounds = st.sampled_from((0.0, 1e-3, 1.0, 80.0, 1e308, np.inf)) | st.floats(0.0, 10.0)


def pair(values):
    return st.lists(values, min_size=N, max_size=N).map(np.array)


no_vector = st.sampled_from(
    [None, 1.0, "ab", [1.0], [[1.0, 2.0]], [None, 1.0], ["a", 1], {}, [1 << 1100, 0], [1j, 0.0]]
)
vector = (
    pair(finite)
    | pair(anything)
    | st.lists(st.floats(width=32), min_size=N, max_size=N).map(np.float32)
    | st.lists(st.integers(-100, 100), min_size=N, max_size=N)
    | no_vector
)


@dataclass
class Toy:
    """An arm of two joints with whatever inertia and torques it is given."""

    limits: JointLimits
    inertia: np.ndarray
    load: np.ndarray
    coriolis: np.ndarray
    names = ("one", "two")
    nv = N

    evaluated = 0

    def M(self, q):
        self.evaluated += 1
        return np.eye(N) if self.evaluated == 1 else self.inertia  # the first is at the start

    def nle(self, q, v):
        return self.load + self.coriolis * v


range_ends = st.sampled_from((1e-2, 1.0, 1e308, np.inf))


@st.composite
def limits_of(draw, bound=bounds, range_end=range_ends):
    return JointLimits(
        lower=-draw(pair(range_end)),
        upper=draw(pair(range_end)),
        velocity=draw(pair(bound)),
        effort=draw(pair(bound)),
        acceleration=draw(pair(bound)),
    )


@st.composite
def good_toys(draw):
    a, b, c = draw(st.floats(0.1, 10.0)), draw(st.floats(-1.0, 1.0)), draw(st.floats(0.1, 10.0))
    root = np.array([[a, 0.0], [b, c]])
    slow = st.floats(-1.0, 1.0)
    return Toy(draw(limits_of()), root @ root.T, 5.0 * draw(pair(slow)), draw(pair(slow)))


toys = good_toys() | st.builds(
    Toy,
    limits_of(),
    st.lists(pair(anything), min_size=N, max_size=N).map(np.array) | st.just(np.zeros((N, N))),
    pair(anything),
    pair(anything),
)
configs = st.builds(
    SafetyConfig,
    effort_share=st.sampled_from((1e-3, 0.3, 1.0)),
    effort_rate=st.sampled_from((1e-3, 10.0, 200.0, 1e308, np.inf)),
    velocity_share=st.sampled_from((0.1, 1.0)),
    overspeed=st.sampled_from((1.0, np.inf)),
    position_margin=st.sampled_from((0.0, 1e-3)),
    stop_gain=st.sampled_from((1.0, 30.0, np.inf)),
    on_violation=st.sampled_from(("clamp", "stop")),
)
rates = st.sampled_from((1.0, 100.0, 1000.0, 1e300))
inputs = st.tuples(vector, vector, vector, vector | st.none())


def built(toy, config, rate):
    toy.evaluated = 0
    try:
        return SafetyStage(toy, config, rate=rate)
    except Ml3Error:
        assume(False)


def check_promises(command, last, limits, config, rate):
    share = config.effort_share * limits.effort
    assert np.isfinite(command.tau).all() and np.isfinite(command.added).all()
    assert (np.abs(command.added) <= share).all()
    assert (np.abs(command.tau) <= limits.effort).all()
    kinds = {violation.kind for violation in command.violations}
    whole = np.abs(command.tau) < limits.effort  # else gravity took what there is
    if not kinds & {"velocity limit", "position limit"} and whole.all():
        with np.errstate(over="ignore", invalid="ignore"):
            step = config.effort_rate / rate * limits.effort
            slack = 1e-9 * (1.0 + np.abs(last) + np.abs(command.tau) + np.abs(command.added))
            assert not (np.abs(command.added - last) > step + slack).any()


@pytest.mark.filterwarnings("error")
@given(toys, configs, rates, st.lists(inputs, min_size=1, max_size=6))
def test_what_comes_out_is_finite_and_within_its_limits(toy, config, rate, sequence):
    stage, last = built(toy, config, rate), np.zeros(N)
    for tau, q, v, gravity in sequence:
        try:
            command = stage.limit(tau, q, v, gravity)
        except SafetyStop as error:
            assert isinstance(error, NoTorqueError) == (stage.stopped is None)
            stage.stopped = None
            last = np.zeros(N)
            continue
        check_promises(command, last, toy.limits, config, rate)
        last = command.added


@given(good_toys(), configs, rates, st.lists(inputs | st.none(), min_size=1, max_size=6))
def test_after_an_error_the_stage_is_as_one_whose_arm_held_itself(toy, config, rate, sequence):
    stage, twin = built(toy, config, rate), built(toy, config, rate)
    good = np.ones(N), np.zeros(N), np.zeros(N), np.zeros(N)
    for given_in in sequence:
        try:
            command = stage.limit(*(good if given_in is None else given_in))
        except SafetyStop:
            if stage.stopped is not None:
                stage.reset()
            twin.hold()  # it never sees what the stage rejected
        else:
            expected = twin.limit(*(good if given_in is None else given_in))
            np.testing.assert_array_equal(command.tau, expected.tau)
            np.testing.assert_array_equal(command.added, expected.added)


@pytest.mark.filterwarnings("error")
@given(
    limits_of(
        st.sampled_from((0.0, 1.0, np.inf, np.nan, -1.0)),
        st.sampled_from((1.0, -1.0, 0.0, np.inf, -np.inf, np.nan)),
    ),
    configs,
    st.sampled_from((100.0, 0.0, -1.0, np.nan, np.inf, -np.inf)),
)
def test_invalid_limits_and_rates_are_rejected(limits, config, rate):
    rest = np.zeros(N)
    try:
        stage = SafetyStage(Toy(limits, np.eye(N), rest, rest), config, rate=rate)
        check_promises(stage.limit(rest, rest, rest), rest, limits, config, rate)
    except SafetyStop as error:
        assert not isinstance(error, NoTorqueError)
    except (ConfigError, RobotError):
        return
    assert (limits.lower < limits.upper).all() and np.isfinite(rate)
    for name in ("velocity", "effort", "acceleration"):
        assert (getattr(limits, name) >= 0.0).all()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("model", MODELS)
@settings(max_examples=50)
@given(st.data())
def test_real_models_in_states_of_any_size_give_no_torque_or_a_safe_one(model, data):
    config, rate, last = SafetyConfig(effort_share=0.3), 500.0, np.zeros(SAWYER.nv)
    stage = SafetyStage(MODELS[model], config, rate=rate)
    joints = st.lists(finite, min_size=SAWYER.nv, max_size=SAWYER.nv).map(np.array)
    for _ in range(3):
        try:
            command = stage.limit(data.draw(joints), data.draw(joints), data.draw(joints))
        except NoTorqueError:
            last = np.zeros(SAWYER.nv)
        else:
            check_promises(command, last, SAWYER.limits, config, rate)
            last = command.added


@given(good_toys(), pair(st.integers(-3, 3)), pair(st.integers(-3, 3)))
def test_lists_integers_and_small_floats_are_as_good_as_arrays(toy, tau, v):
    kinds = (np.array, np.ndarray.tolist, lambda x: x.astype(np.float32), lambda x: x.tolist())
    first = None
    for kind in kinds:
        command = built(toy, SafetyConfig(), 100.0).limit(kind(tau), np.zeros(N), kind(v))
        first = first or command
        np.testing.assert_array_equal(command.tau, first.tau)
        assert command.tau.dtype == np.float64


@given(good_toys(), pair(st.floats(-1.0, 1.0)))
def test_arrays_are_neither_changed_nor_kept(toy, x):
    x.flags.writeable = False
    stage, twin = built(toy, SafetyConfig(), 100.0), built(toy, SafetyConfig(), 100.0)
    command = stage.limit(x, x, x, x)
    expected = twin.limit(x.copy(), x.copy(), x.copy(), x.copy())
    np.testing.assert_array_equal(command.tau, expected.tau)
    command.added[:] = command.tau[:] = np.nan  # whoever got them may do that
    again = stage.limit(x, x, x, x)
    np.testing.assert_array_equal(again.added, twin.limit(x, x, x, x).added)
    assert not np.shares_memory(stage.admit(x, 0.0), x)
