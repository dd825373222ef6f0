"""Tracking with a learned feedforward: what is measured, who learns from what, end to end."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, replace

import numpy as np
import pytest

from ml3_ros.cli.main import main
from ml3_ros.errors import ConfigError, RobotError
from ml3_ros.experiments.page.metrics_view import MetricsView
from ml3_ros.experiments.page.page import results_page
from ml3_ros.experiments.registry import EXPERIMENTS
from ml3_ros.experiments.runner.section import load_sections
from ml3_ros.experiments.tracking import run as tracking_run
from ml3_ros.experiments.tracking.config import METHODS, TrackingConfig
from ml3_ros.experiments.tracking.learners import Stream, learner_factory
from ml3_ros.experiments.tracking.loop import ClosedLoop, recovery, rms, running_rms
from ml3_ros.experiments.tracking.output import Found, level_times, metrics
from ml3_ros.experiments.tracking.run import TEST_POOL, VALIDATION_POOL, Bench, Trial
from ml3_ros.robots.base import ArmState
from ml3_ros.robots.control.computed_torque import ComputedTorque
from ml3_ros.robots.control.gains import FixedGains, GainConfig
from ml3_ros.robots.control.trajectories import Excitation, within_effort
from ml3_ros.robots.mujoco_arm import MujocoArm
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot

SMALL = TrackingConfig(
    methods=("feedback_only", "rigid_body", "adam_tuned", "ml3_shaped"),
    seeds=2,
    n_robots=2,
    n_validation_robots=1,
    marks=(0.0, 1.0),
    test_seconds=1.5,
    settle_seconds=0.5,
    period=0.5,
    after_seconds=1.0,
)


@pytest.fixture(scope="module")
def bench():
    return Bench(SMALL)


class Rail:
    """Two joints that follow at once: q becomes the torque."""

    def __init__(self, diverges_at=math.inf):
        self.q, self.t, self.diverges_at = np.zeros(2), 0.0, diverges_at

    def state(self):
        zero = np.zeros(2)
        return ArmState(t=self.t, q=self.q, v=zero, tau=self.q, saturated=zero > 1.0)

    def step(self, tau, dt):
        if self.t >= self.diverges_at:
            raise RobotError("diverged")
        self.q, self.t = tau, self.t + dt
        return self.state()


class Ramp:
    """q_ref = t, for two joints."""

    def at(self, t):
        q = np.stack([t, 2.0 * t], axis=-1)
        return q, np.ones_like(q), np.zeros_like(q)


class Echo:
    """A controller that commands the reference, and what it was given."""

    def __init__(self):
        self.models = []

    def feedforward(self, q_ref, v_ref, a_ref):
        return 100.0 * q_ref

    def with_feedback(self, feedforward, q, v, q_ref, v_ref):
        self.ahead = feedforward / 100.0 - q_ref
        return q_ref

    def exchange(self, model):
        self.models.append(model)


def test_errors_are_those_at_the_end_of_each_period():
    controller = Echo()
    loop = ClosedLoop(Rail(), controller, Ramp(), 10.0)
    np.testing.assert_allclose(loop.run(0.3), [[-0.1, -0.2]] * 3)  # a period late
    np.testing.assert_allclose(controller.ahead, [0.1, 0.2])  # what the period shall end with
    assert loop.run(0.5).shape == (2, 2)
    np.testing.assert_allclose(rms(loop.run(0.9)), [0.1, 0.2])


@pytest.mark.parametrize("robot", ["reacher", "sawyer"])
def test_torques_of_the_true_model_are_fed_forward_for_when_the_motors_give_them(robot):
    description = load_robot(robot)
    model = PinocchioModel(description)
    motion = within_effort(Excitation(description.limits, description.home, 1), model, 6.0)
    gains = FixedGains(GainConfig(), model.M(description.home), description.limits.effort)
    controller = ComputedTorque(gains, description.limits, rate=100.0, known=model.rnea)
    loop = ClosedLoop(MujocoArm(description), controller, motion, 100.0)
    assert rms(loop.run(6.0)).max() < 5e-4


def test_an_arm_that_diverges_has_an_infinite_error_from_then_on():
    loop = ClosedLoop(Rail(diverges_at=0.15), Echo(), Ramp(), 10.0)
    errors = loop.run(0.4)
    assert np.isfinite(errors[:2]).all()
    assert np.isinf(errors[2:]).all()
    assert loop.lost
    assert np.isinf(loop.run(0.5)).all()
    assert np.isinf(rms(errors)).all()


def test_the_controller_gets_every_model_that_the_stream_learns():
    class Counter:
        def measure(self, t, q, v, tau):
            return round(10 * t) if round(10 * t) % 2 == 0 else None

    controller = Echo()
    ClosedLoop(Rail(), controller, Ramp(), 10.0, Counter()).run(0.5)
    assert controller.models == [2, 4]


def test_the_running_error_is_over_the_last_period():
    errors = np.array([[3.0, 1.0], [4.0, 1.0], [0.0, 1.0], [0.0, 1.0]])
    found = running_rms(errors, 2)
    assert np.isnan(found[0])
    np.testing.assert_allclose(
        found[1:], [(12.5**0.5 + 1.0) / 2, (8.0**0.5 + 1.0) / 2, (0.0 + 1.0) / 2]
    )


@pytest.mark.parametrize(
    ("level", "seconds"),
    [
        ([1.0, 1.2, 1.1], 0.0),  # it never rose
        ([2.0, 3.0, 1.2, 1.0], 0.3),
        ([2.0, 1.0, 1.3, 1.0, 1.0], 0.4),  # for good
        ([2.0, 1.0, 1.21], math.inf),
        ([1.0, math.nan], math.inf),
        ([1.0, math.inf], math.inf),
    ],
)
def test_recovery_is_when_the_error_is_back_for_good(level, seconds):
    assert recovery(np.array(level), 10.0, 1.0, 1.2) == pytest.approx(seconds)


def filled(learner, n_samples, seed=0):
    """Let a learner see random samples of torque 1, 2, ..."""
    rng = np.random.default_rng(seed)
    return [
        learner.learn(0.01 * (i + 1), *rng.normal(size=(3, 7)), np.arange(1.0, 8.0))
        for i in range(n_samples)
    ]


@pytest.mark.parametrize("name", ["ml3_shaped", "adam_tuned", "least_squares_friction"])
def test_a_model_that_was_handed_out_stays_as_it_is(bench, name):
    make = learner_factory(METHODS[name], "sawyer", bench.nominal, steps_per_window=1, rate=100.0)
    learner = make(0.01, 3)
    assert filled(learner, 16) == 2 * (7 * [False] + [True])
    old = learner.model()
    states = np.random.default_rng(1).normal(size=(3, 4, 7))
    before = old(*states)
    assert before.shape == (4, 7)
    np.testing.assert_allclose(old(*states[:, 2]), before[2], rtol=1e-5, atol=1e-5)
    for i in range(8):
        learner.learn(1.0 + 0.01 * i, *states[:, i % 4], np.zeros(7))
    np.testing.assert_array_equal(old(*states), before)
    assert np.abs(learner.model()(*states) - before).max() > 1e-3


def test_a_learner_gets_what_the_known_model_leaves_and_the_filters_acceleration():
    seen = []

    class Learner:
        def learn(self, t, q, v, a, tau):
            seen.append((t, q, v, a, tau))
            return True

        def model(self):
            return "model"

    class Known:
        def rnea(self, q, v, a):
            return 10.0 * a + q

    stream = Stream(Learner(), 2, 100.0, Known())
    for i in range(22):
        t = i / 100.0
        v = np.array([3.0 * t, -t])
        model = stream.measure(t, np.array([t, 0.0]), v, np.array([100.0, 50.0]))
        assert model == ("model" if i >= 20 else None)
    t, _, _, a, tau = seen[0]
    assert t == pytest.approx(0.1)
    np.testing.assert_allclose(a, [3.0, -1.0])
    np.testing.assert_allclose(tau, [100.0 - 30.0 - 0.1, 50.0 + 10.0])


def test_robots_of_both_pools_differ_and_do_not_depend_on_their_number(bench):
    robots = [bench.robot(*which) for which in ((TEST_POOL, 0, 0), (TEST_POOL, 0, 1))]
    robots += [bench.robot(TEST_POOL, 1, 0), bench.robot(VALIDATION_POOL, 0, 0)]
    assert len({robot.perturbation.mass_scale for robot in robots}) == 4
    assert len({robot.seed for robot in robots}) == 4
    assert bench.robot(TEST_POOL, 0, 1) == robots[1]
    for robot in robots:
        assert 1.0 <= robot.perturbation.payload <= 3.0
        assert 0.0 <= robot.light <= 1.0


def test_the_motion_of_the_payload_change_repeats_itself(bench):
    motion = bench.repeating_motion(bench.robot(TEST_POOL, 0, 0))
    t = np.array([2.2, 2.35])
    np.testing.assert_allclose(motion.at(t), motion.at(t + 7 * SMALL.period), atol=1e-9)


def test_what_is_learned_in_the_loop_tracks_better_than_the_nominal_model():
    config = replace(SMALL, marks=(0.0, 4.0), test_seconds=8.0, settle_seconds=5.0)
    bench = Bench(config)
    robot = bench.robot(VALIDATION_POOL, 0, 0)
    found = {
        name: Trial(bench, name, robot).errors_after(config.marks).mean(-1)
        for name in ("feedback_only", "rigid_body", "least_squares_friction")
    }
    learned = found["least_squares_friction"]
    assert learned[0] == pytest.approx(found["feedback_only"][0])
    assert learned[1] < 0.3 * found["rigid_body"][1] < 0.3 * found["feedback_only"][1]


def test_a_payload_that_grows_raises_the_error_and_a_learner_that_forgets_comes_back():
    config = replace(SMALL, marks=(0.0, 5.0), period=1.0, after_seconds=20.0)
    bench = Bench(config)
    robot = bench.robot(VALIDATION_POOL, 0, 1)
    found = {}
    for name in ("rigid_body", "least_squares_forgetting"):
        level, seconds, before = Trial(bench, name, robot).change_of_payload()
        assert len(level) == len(level_times(config)) == 100 + 2000
        at_change = level[99]
        assert at_change == pytest.approx(before.mean())
        assert level[100:].max() > 1.5 * at_change
        found[name] = seconds
    assert found["rigid_body"] == math.inf
    assert 1.0 < found["least_squares_forgetting"] < 20.0


def test_a_model_that_has_diverged_counts_as_infinity(bench, monkeypatch):
    class Diverged:
        def learn(self, *sample):
            return True

        def model(self):
            return lambda q, v, a: np.full(q.shape, np.nan)

    trial = Trial(bench, "adam_tuned", bench.robot(TEST_POOL, 0, 0), 0.01)
    monkeypatch.setattr(trial, "_make", lambda step_size, seed: Diverged())
    assert np.isinf(trial.errors_after((1.0,))).all()


def test_the_step_size_with_the_lowest_mean_log_error_is_taken(monkeypatch, tmp_path):
    def errors_after(self, marks):
        scores = {0.0003: 5.0, 0.001: 4.0, 0.003: math.inf, 0.006: 0.5, 0.01: 1.0, 0.02: 2.0}
        assert marks == SMALL.marks[1:]
        assert self._robot == self._bench.robot(VALIDATION_POOL, 0, 0)
        return np.full((len(marks), 7), scores[self._step_size])

    monkeypatch.setattr(tracking_run.Trial, "errors_after", errors_after)
    shared = tracking_run.prepare(SMALL, tmp_path, lambda text: None)
    assert shared["step_size/adam_tuned"] == 0.006
    assert shared["validation/adam_tuned"].shape == (6, 1, 1)


def test_headlines_pair_runs_and_keep_those_that_diverged():
    inf, n = math.inf, len(level_times(SMALL))

    def made_up(errors, seconds):
        error = np.broadcast_to(np.array(errors)[..., None, None], (2, 2, 2, 7))
        level = np.ones((2, 2, n))
        level[..., -1] = 2.0
        return Found(error, level, np.array(seconds))

    found = {
        "adam_tuned": made_up([[1.0, 2.0], [1.0, 2.0]], [[1.0, inf], [inf, 3.0]]),
        "ml3_shaped": made_up([[0.5, 4.0], [0.5, inf]], [[1.0, 2.0], [3.0, 4.0]]),
    }
    result = metrics(SMALL, found, {"step_size/adam_tuned": np.array(0.01)})
    head = result.headline
    assert head["ml3_shaped/diverged"] == 1.0
    assert head["ml3_shaped/won_at_1"] == 0.5
    assert head["adam_tuned/mrad_at_1"] == 2000.0
    assert head["adam_tuned/recovery_s"] == inf
    assert head["adam_tuned/recovered"] == 0.5
    assert head["ml3_shaped/recovery_s"] == 3.0
    assert head["ml3_shaped/end_over_before"] == pytest.approx(2.0)
    assert head["adam_tuned/step_size"] == 0.01
    assert result.methods["ml3_shaped"]["per_seed"] == [[2.25, 2.25], [inf, inf]]
    assert result.methods["adam_tuned@recovery"]["per_seed"] == [[inf], [inf]]
    finite = {**found, "ml3_shaped": made_up([[0.5, 4.0], [0.5, 4.0]], np.ones((2, 2)))}
    head = metrics(SMALL, finite, {"step_size/adam_tuned": np.array(0.01)}).headline
    assert head["ml3_shaped/ratio_at_1"] == pytest.approx(1.0)


def test_the_results_page_takes_what_the_full_experiment_found():
    config = TrackingConfig(seeds=1, n_robots=1)
    found = {
        name: Found(
            np.full((1, 1, 5, 7), 0.1), np.ones((1, 1, len(level_times(config)))), np.ones((1, 1))
        )
        for name in config.methods
    }
    shared = {f"step_size/{name}": np.array(0.01) for name in config.tuned}
    content = json.loads(json.dumps(asdict(metrics(config, found, shared))))
    text = results_page(
        load_sections("ml3_ros.experiments.tracking"), {"sawyer_tracking": MetricsView(content)}
    )
    assert "shaped 1.00 after 5 s" in text
    assert "| @0 | @2 | @5 | @10 | @30 |" in text
    assert "| @1 | @2 | @3 | @4 | @5 | @6 | @7 |" in text


def test_the_whole_experiment_from_the_command_line(tmp_path, monkeypatch):
    monkeypatch.setitem(EXPERIMENTS, "small", replace(EXPERIMENTS["sawyer_tracking"], quick=SMALL))
    words = ["methods=feedback_only,rigid_body,adam_tuned,ml3_shaped_residual", "seeds=1"]
    command = ["experiment", "small", "--quick", "--workers", "1", "--out", str(tmp_path)]
    assert main([*command, *words]) == 0
    found = json.loads((tmp_path / "metrics.json").read_text())
    assert found["experiment"] == "sawyer_tracking"
    assert found["config"]["x"] == "seconds of adaptation"
    names = {"feedback_only", "rigid_body", "adam_tuned", "ml3_shaped_residual"}
    assert {name.partition("@")[0] for name in found["methods"]} == names
    for name in names:
        assert found["methods"][name]["x"] == [0.0, 1.0]
        assert np.isfinite(found["methods"][name]["per_seed"]).all()
        assert found["methods"][f"{name}@joints"]["x"] == [1, 2, 3, 4, 5, 6, 7]
        assert found["methods"][f"{name}@recovery"]["x"] == [2.0]
        assert found["methods"][f"{name}@payload"]["x"][-1] == 1.0
    headline = found["headline"]
    assert headline["rigid_body/ratio_at_1"] < 1.0
    assert headline["adam_tuned/step_size"] in METHODS["adam_tuned"].grid
    assert (tmp_path / "sawyer_tracking.png").stat().st_size > 10_000


def test_the_full_experiment_is_large_enough_and_the_quick_one_is_of_its_kind():
    experiment = EXPERIMENTS["sawyer_tracking"]
    assert experiment.config.seeds >= 5
    assert experiment.config.marks == (0.0, 2.0, 5.0, 10.0, 30.0)
    assert experiment.config.added_payload == 2.0
    assert set(experiment.config.methods) == set(METHODS)
    assert set(experiment.quick.methods) < set(METHODS)


@pytest.mark.parametrize(
    "wrong",
    [
        {"seeds": 0},
        {"methods": ("ml3",)},
        {"marks": (1.0, 2.0)},
        {"marks": (0.0, 0.1)},
        {"settle_seconds": 20.0},
        {"added_payload": -1.0},
        {"recovered": 0.9},
    ],
)
def test_settings_out_of_range_are_rejected(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong)).replace("marks", "mark")):
        replace(SMALL, **wrong)
