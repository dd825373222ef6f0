# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The experiment on touched arms that track: scores by hand, and a run that takes seconds."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from ml3_ros.errors import ConfigError
from ml3_ros.experiments.page.metrics_view import MetricsView
from ml3_ros.experiments.page.page import results_page
from ml3_ros.experiments.registry import EXPERIMENTS
from ml3_ros.experiments.runner.section import load_sections
from ml3_ros.experiments.touch_tracking.config import METHODS, TouchTrackingConfig
from ml3_ros.experiments.touch_tracking.output import NAME, finish
from ml3_ros.experiments.touch_tracking.run import SCORES, evaluate, forces, run_seed
from ml3_ros.experiments.touch_tracking.trial import HandledArm, TouchedRobot, draw_robot
from ml3_ros.robots.mujoco_arm import MujocoArm
from ml3_ros.robots.perturbation import Perturbation
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.pushes import Push, Touch, TouchConfig
from ml3_ros.robots.registry import load_robot

SMALL = TouchTrackingConfig(
    methods=("feedback_only", "arm_known", "least_squares_live"),
    seeds=1,
    n_robots=1,
    period=1.0,
    peace=3.0,
    touched=6.0,
    loaded=6.0,
    unloaded=6.0,
    touches=TouchConfig(force=(10.0, 20.0), seconds=(0.5, 1.0), pause=(2.0, 2.5)),
)
SAWYER = load_robot("sawyer")


def robot(*starts):
    push = Push(link=4, point=(0.0, 0.0, 0.1), force=(0.0, 0.0, -20.0))
    touches = [Touch(kind="lean", start=t, seconds=1.0, push=push) for t in starts]
    return TouchedRobot(perturbation=Perturbation(), seed=0, touches=tuple(touches))


def scores(errors, power=None):
    """Return the scores of one run that was touched at 5 s, by name."""
    power = np.zeros(len(errors)) if power is None else power
    found = evaluate(SMALL, robot(5.0), errors, power)
    return dict(zip(SCORES, found, strict=True))


def level(*pieces):
    """Return errors (2100, 7): (seconds, size) after one another, of either sign."""
    sizes = np.concatenate([np.full(round(100 * seconds), size) for seconds, size in pieces])
    return np.resize([1.0, -1.0], 2100)[:, None] * sizes[:, None] * np.ones(7)


def test_an_error_that_comes_back_and_a_payload_that_is_learned():
    errors = level((5.0, 1.0), (1.0, 4.0), (0.5, 2.5), (2.5, 1.0), (3.0, 5.0), (9.0, 1.0))
    power = np.zeros(2100)
    power[500:600], power[600:700] = 3.0, -5.0
    found = scores(errors, power)
    assert found["peace"] == pytest.approx(1.0)
    assert found["back"] == 1.0
    assert found["overshoot"] == pytest.approx(0.5)  # 2.5 less the usual 1, over 4 less 1
    assert found["work"] == pytest.approx(3.0)
    assert found["up"] == pytest.approx(1.0)
    assert found["down"] == 1.0  # it never rose


def test_an_error_that_stays():
    errors = level((5.0, 1.0), (1.0, 4.0), (3.0, 1.3), (6.0, 5.0), (6.0, 2.0))
    found = scores(errors)
    assert found["back"] == 0.0
    assert found["up"] == pytest.approx(0.0)
    assert found["down"] == 1.0


def test_an_arm_that_is_lost_has_not_recovered():
    errors = level((9.5, 1.0), (11.5, 1.0))
    errors[1000:] = math.inf
    found = scores(errors)
    assert found["up"] == found["down"] == -math.inf


def test_hands_and_payloads_come_at_their_times():
    arm = MujocoArm(SAWYER)
    handled = HandledArm(arm, robot(0.02), SMALL)
    tau = arm.nle(SAWYER.home, np.zeros(7))
    heavier = PinocchioModel(SAWYER, Perturbation(payload=SMALL.added_payload))
    torques = []
    for _ in range(round(SMALL.changes[0] * 100) + 2):
        torques.append(np.abs(arm.external_torque()).max())
        tau = arm.nle(handled.state().q, np.zeros(7)) - 30.0 * handled.state().v
        handled.step(tau, 0.01)
    assert torques[2] == 0.0
    assert max(torques[3:103]) > 1.0
    assert torques[104:] == [0.0] * len(torques[104:])
    np.testing.assert_allclose(
        arm.nle(SAWYER.home, np.zeros(7)), heavier.nle(SAWYER.home, np.zeros(7)), atol=1e-9
    )
    assert len(handled.power) == len(torques)
    assert min(handled.power[3:103]) < -0.1  # the hand pushes the arm along
    assert forces(robot(0.02), 200).max() == pytest.approx(20.0)


def test_robots_can_carry_the_added_payload():
    config = TouchTrackingConfig()
    drawn = draw_robot(config, SAWYER, np.random.default_rng(0))
    assert drawn.perturbation.payload <= SAWYER.payload_limit - config.added_payload
    assert all(20.0 + 5.0 <= touch.start <= 52.0 for touch in drawn.touches)
    assert len(drawn.touches) >= 3


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    return run_seed(SMALL, 0, {}, tmp_path_factory.mktemp("scratch"))


def test_every_method_meets_the_same_robot_and_learning_helps(found):
    assert found["pushed"].shape == (1, 2100)
    assert found["pushed"][0, :300].max() == 0.0 < found["pushed"][0, 300:900].max()
    peace = {name: found[f"scores/{name}"][0, 0] for name in SMALL.methods}
    assert peace["arm_known"] < peace["least_squares_live"] < peace["feedback_only"]


def test_metrics_figure_and_section(found, tmp_path):
    every = dict(found)
    for name in METHODS:
        for kind in ("level", "scores"):
            every.setdefault(f"{kind}/{name}", found[f"{kind}/least_squares_live"])
    lines = []
    paths = finish(SMALL, {0: every, 1: every}, {}, tmp_path, lines.append)
    assert [path.suffix for path in paths] == [".png", ".svg"]
    content = json.loads((tmp_path / "metrics.json").read_text())
    assert content["headline"]["feedback_only/work_ratio"] == pytest.approx(1.0)
    assert set(content["methods"]) == set(METHODS)
    assert all(name in lines[0] for name in METHODS)
    sections = load_sections("ml3_ros.experiments.touch_tracking")
    page = results_page(sections, {NAME: MetricsView(content)})
    assert sections[0].title in page


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"methods": ("arm_known",)}, "feedback_only"),
        ({"methods": ("feedback_only", "ridge")}, "methods"),
        ({"peace": 5.0}, "peace"),
        ({"touched": 5.0}, "touched"),
        ({"touches": TouchConfig(pause=(1.0, 2.0))}, "pause"),
        ({"added_payload": 0.0}, "added_payload"),
        ({"seeds": 0}, "seeds"),
    ],
)
def test_settings_that_cannot_run_are_rejected(wrong, named):
    with pytest.raises(ConfigError, match=named):
        TouchTrackingConfig(**wrong)


def test_it_is_registered_with_every_method():
    assert EXPERIMENTS[NAME].config.methods == METHODS
