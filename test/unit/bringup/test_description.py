# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The description of systems: what arguments become, and what is rejected."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
import yaml

from ml3_ros.bringup.arguments import Argument, yaml_text
from ml3_ros.bringup.description import Process, System
from ml3_ros.bringup.middleware import profile_variable
from ml3_ros.bringup.node_arguments import (
    enclave_arguments,
    node_environment,
    ros_arguments,
)
from ml3_ros.bringup.paths import config_file
from ml3_ros.bringup.placeholders import BRIDGED, Arg, ConfigFile, JointsOf, Placeholder
from ml3_ros.bringup.systems.arm_file import TOPIC
from ml3_ros.bringup.systems.invdyn import REACHER_MOTION
from ml3_ros.bringup.systems.reach import (
    REACHER_ARM,
    REACHER_GOALS,
    SAWYER_ARM,
    SAWYER_GOALS,
)
from ml3_ros.bringup.systems.registry import SYSTEMS
from ml3_ros.errors import ConfigError, RobotError
from ml3_ros.learners.reaching.goals import GoalRanges
from ml3_ros.robots.registry import load_robot
from ml3_ros.tasks.inverse_dynamics.recipes import EXCITATIONS
from ml3_ros.tasks.reaching.arm_recipes import ARMS

TOY = System(
    name="toy",
    help="nothing",
    own_arguments=(
        Argument(name="robot", default="reacher", help="arm"),
        Argument(name="bag", default=None, help="file to play"),
        Argument(name="duration", default=60.0, help="time [s]", limits=(1.0, 100.0)),
        Argument(name="mode", default="a", help="how", choices=("a", "b")),
        Argument(
            name="loss", default="none", help="loss", choices=("shipped", "none"), file="FILE"
        ),
        Argument(name="record", default=False, help="record"),
        Argument(name="seed", default=0, help="seed"),
    ),
    processes=(
        Process(
            name="player",
            executable="bag_player",
            parameters={"bag": Arg("bag"), "joints": JointsOf("robot"), "fixed": 1},
        ),
        Process(name="recorder", executable="recorder", when=("record", True)),
    ),
    ends="player",
)


def test_arguments_have_defaults_types_and_reach_the_processes():
    values, overrides = TOY.parse(["bag:=x y.db3", "duration:=5", "player.rate:=2.0"])
    assert values == {
        "robot": "reacher",
        "bag": "x y.db3",
        "duration": 5.0,
        "mode": "a",
        "loss": "none",
        "record": False,
        "seed": 0,
        "namespace": "",
        "use_sim_time": False,
        "params_file": "",
        "log_level": "info",
        "frames": values["frames"],  # is by default what is installed here
        "rviz": False,
        "foxglove": False,
    }
    assert overrides == {"player": {"rate": "2.0"}}
    assert TOY.parse(["bag:=x", "loss:=mine.safetensors"])[0]["loss"] == "mine.safetensors"
    (player,) = TOY.started(values)
    assert player.parameters == {"bag": "x y.db3", "joints": ["joint0", "joint1"], "fixed": 1}
    values, _ = TOY.parse(["bag:=b", "record:=true"])
    assert [process.name for process in TOY.started(values)] == ["player", "recorder"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "toy needs bag:=VALUE: file to play"),
        (["bag"], "'bag' is not key:=value; arguments: robot:="),
        (["bga:=x"], "toy has no argument 'bga'"),
        (["bag:=x", "duration:=soon"], "duration:=soon is not a number: time"),
        (["bag:=x", "duration:=nan"], "duration must be from 1 to 100, got nan"),
        (["bag:=x", "duration:=1e9"], "duration must be from 1 to 100"),
        (["bag:=x", "seed:=1.5"], "seed:=1.5 is not a whole number"),
        (["bag:=x", "mode:=c"], "mode must be one of a, b, got 'c'"),
        (["bag:=x", "loss:="], "loss must be shipped, none or FILE"),
        (["bag:=x", "record:=maybe"], "record:=maybe is not true or false"),
        (["bag:=x", "namespace:=2 arms"], "namespace:=2 arms is not possible: namespace of all"),
        (["bag:=x", "namespace:=a//b"], "namespace:=a//b is not possible"),
        (["bag:=x", "log_level:=loud"], "log_level must be one of debug, info"),
        (["bag:=x", "params_file:=nowhere.yaml"], "nowhere.yaml cannot be read: No such file"),
    ],
)
def test_a_word_that_does_not_fit_is_rejected_with_the_cure(words, sentence):
    with pytest.raises(ConfigError, match=sentence):
        TOY.parse(words)


def test_a_robot_that_does_not_exist_is_rejected_before_anything_starts():
    values, _ = TOY.parse(["bag:=x", "robot:=r2d2"])
    with pytest.raises(RobotError, match="there is no robot 'r2d2'"):
        TOY.started(values)


@pytest.mark.parametrize(
    "value", [True, 3, 1e-05, 2.0, "a b: 'c' #", ["x", "y"], [1.0, 2.5], "true", "1"]
)
def test_parameter_values_keep_their_type_as_yaml(value):
    text = yaml_text(value)
    loaded = yaml.safe_load(text)
    if isinstance(value, float):  # YAML 1.1 wants a point; ROS reads both
        loaded = float(loaded)
    assert loaded == value
    assert type(loaded) is type(value)


@pytest.mark.parametrize("system", SYSTEMS.values(), ids=SYSTEMS)
def test_every_system_is_sound(system):
    needed = [a for a in system.arguments if a.default in (None, TOPIC)]
    required = {argument.name: "reacher" for argument in needed}
    names = {argument.name for argument in system.arguments}
    assert system.report in names
    for process in system.processes:
        values = [v for v in (*process.parameters.values(), *process.words)]
        files = {v.name for v in values if isinstance(v, ConfigFile)}
        assert all(config_file(name) for name in files)
        assert {v.name for v in values if isinstance(v, Placeholder)} - files <= names
        if process.when is not None:
            argument = next(a for a in system.arguments if a.name == process.when[0])
            possible = argument.choices or (True, False, "sawyer", *BRIDGED)
            assert set(process.when[1:]) <= set(possible)
    for argument in system.arguments:
        if argument.default is not None:
            assert argument.parse(str(argument.default)) == argument.default
    started = system.started(system.resolve(required))
    assert system.ends in {process.name for process in started}


def started_with(system, **given):
    """Return the processes by name that these arguments start."""
    return {process.name: process for process in system.started(system.resolve(given))}


@pytest.mark.parametrize(
    ("name", "learner"),
    [("sawyer_invdyn", "policy_optimizer"), ("reacher_reach", "reach_optimizer")],
)
def test_a_real_sawyer_is_one_argument_and_the_learner_does_not_notice(name, learner):
    system = SYSTEMS[name]
    started = {
        robot: {
            p.name: p for p in system.started(system.resolve({"robot": robot, "frames": "none"}))
        }
        for robot in ("sawyer_sim", "sawyer")
    }
    assert set(started["sawyer_sim"]) - set(started["sawyer"]) == {"sim_arm"}
    assert set(started["sawyer"]) - set(started["sawyer_sim"]) == {"sawyer_driver"}
    assert started["sawyer"][learner] == started["sawyer_sim"][learner]
    sources = started["sawyer"]["conductor"].parameters["sources"]
    assert sources == ["sawyer_driver", "excitation"][: len(sources)]
    assert started["sawyer_sim"]["sim_arm"].parameters["robot"] == "sawyer"


def test_the_reacher_moves_as_its_losses_were_trained_for():
    motion = dataclasses.asdict(EXCITATIONS["reacher"])
    for name, value in REACHER_MOTION.items():
        assert motion[name] == (tuple(value) if isinstance(value, list) else value)


@pytest.mark.parametrize(
    ("choice", "robot", "arm", "goals"),
    [
        ("reacher", "reacher", REACHER_ARM, REACHER_GOALS),
        ("sawyer_sim", "sawyer", SAWYER_ARM, SAWYER_GOALS),
    ],
)
def test_arms_reach_where_their_losses_were_trained_for(choice, robot, arm, goals):
    system = SYSTEMS["reacher_reach"]
    started = {
        p.name: p for p in system.started(system.resolve({"robot": choice, "frames": "none"}))
    }
    assert set(started) == {"sim_arm", "reach_optimizer", "conductor"}
    setting = ARMS[robot]()
    parameters = started["sim_arm"].parameters
    assert parameters["robot"] == started["reach_optimizer"].parameters["robot"] == robot
    home = arm.get("home", load_robot(robot).home)
    np.testing.assert_allclose(setting.task.home, home)
    assert parameters["home_spread"] == setting.task.spread
    friction = np.broadcast_to(setting.perturbation.viscous, len(home))
    np.testing.assert_allclose(np.broadcast_to(arm["viscous"], len(home)), friction)
    ranges = GoalRanges(**{key.removeprefix("goal_"): value for key, value in goals.items()})
    trained = setting.goals(200, torch.Generator().manual_seed(0)).numpy()
    for pose in ranges.draw(200, 0):
        setting.task.check_goal(pose)
        assert np.linalg.norm(trained - pose[: trained.shape[1]], axis=1).min() < 0.15


def test_what_is_given_last_wins_parameter_by_parameter(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("/**: {ros__parameters: {fixed: 2, use_sim_time: true, rate: 1e-1}}")
    words = ["bag:=x", f"params_file:={file}", "player.rate:=2.0", "log_level:=warn"]
    values, overrides = TOY.parse(words)
    (player,) = TOY.started(values)
    arguments = ros_arguments(player, values, overrides["player"], {})
    given = dict(arguments[i + 1].split(":=") for i, word in enumerate(arguments) if word == "-p")
    assert given == {
        "bag": '"x"',
        "joints": '["joint0", "joint1"]',
        "fixed": "2",
        "rate": "2.0",
        "use_sim_time": "true",
    }
    # ROS lets the later argument win: the defaults of config/ come before all of them
    assert arguments.index("--params-file") < arguments.index("-p")


def test_the_log_level_is_that_of_our_nodes_alone():
    for words, logger in (
        ([], "player"),
        (["namespace:=left"], "left.player"),
        (["namespace:=/arms/left"], "arms.left.player"),
    ):
        values, _ = TOY.parse(["bag:=x", "log_level:=warn", *words])
        (player,) = TOY.started(values)
        arguments = ros_arguments(player, values, {}, {})
        assert arguments[arguments.index("--log-level") + 1] == f"{logger}:=warn"
        assert arguments.count("--log-level") == 1
    foreign = dataclasses.replace(player, package="rviz2", executable="rviz2")
    assert "--log-level" not in ros_arguments(foreign, values, {}, {})


def test_a_part_of_another_launch_takes_its_own_of_a_file_for_all(tmp_path):
    file = tmp_path / "robot.yaml"
    file.write_text("camera: {ros__parameters: {fps: 30}}\nplayer: {ros__parameters: {rate: 2.0}}")
    words = ["bag:=x", f"params_file:={file}"]
    assert TOY.parse(words, included=True)[1]["player"] == {"rate": "2.0"}
    with pytest.raises(ConfigError, match="has no node camera"):
        TOY.parse(words)


def test_a_node_that_shall_be_secure_is_put_into_its_enclave():
    secure = {"ROS_SECURITY_ENABLE": "true"}
    assert enclave_arguments("sim_arm", secure) == ["--enclave", "/ml3/sim_arm"]
    assert enclave_arguments("sim_arm", {"ROS_SECURITY_ENABLE": "false"}) == []


def test_the_environment_of_a_node_keeps_what_the_user_has_set():
    mine = {"OMP_NUM_THREADS": "4", "MUJOCO_GL": "egl", profile_variable(): "mine.xml"}
    assert node_environment(mine) == {}
    assert set(node_environment({})) == set(mine)
