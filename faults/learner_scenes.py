"""Wrong messages for the nodes that learn, record, play and conduct."""

from __future__ import annotations

import copy
import math
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
from geometry_msgs.msg import PoseStamped
from rclpy.serialization import serialize_message
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool

from faults.arm_scenes import PERIOD, START, MovingArm, within
from faults.bombard import Target, bombard, works
from faults.result import Row
from faults.stage import Stage
from ml3_msgs.msg import Adaptation
from ml3_ros.bringup.systems.reach import REACHER_ARM
from ml3_ros.data.bag_writer import BagWriter
from ml3_ros.nodes.kit import loss_files
from ml3_ros.nodes.kit.qos import LATCHED_1, LATCHED_100, RELIABLE_100
from ml3_ros.nodes.messages.joint_states import time_msg
from ml3_ros.nodes.messages.ml3 import prior_to_msg
from ml3_ros.nodes.messages.poses import pose_to_msg
from ml3_ros.robots.registry import load_robot
from ml3_ros.zoo import shipped_loss

FOR_EVER = 864_000.0  # [s]
LEARNED = 60  # samples after which a learner works again
METHOD = "ml3_shaped"


def scenes(stage: Stage, count: int) -> Iterator[Row]:
    """Bombard policy_optimizer, reach_optimizer, meta_learner, recorder, conductor, bag_player."""
    yield from _optimizer(stage, count)
    yield from _meta_learner(stage, count)
    yield from _recorder(stage, count)
    yield from _conductor(stage, count)
    yield from _player(stage, count)
    yield from _policy(stage, count)


def _optimizer(stage: Stage, count: int) -> Iterator[Row]:
    node = "policy_optimizer"
    stage.start(node, out=stage.folder / "run", learn_duration=FOR_EVER)
    arm, newest, base = MovingArm(load_robot("sawyer")), {}, [0]
    stage.listen(
        Adaptation, "adaptation", lambda msg: newest.update({msg.method: msg}), RELIABLE_100
    )

    def samples() -> int:
        return min((msg.samples for msg in newest.values()), default=0)

    def learns() -> bool:
        finite = all(math.isfinite(msg.nmse_mean) for msg in newest.values())
        return samples() >= base[0] + LEARNED and finite

    states = Target(
        node=node,
        topic="/joint_states",
        good=arm.message,
        recovered=learns,
        qos=RELIABLE_100,
        mark=lambda: base.__setitem__(0, samples()),
    )
    yield bombard(stage, states, count)
    loss = loss_files.message(METHOD, shipped_loss(f"sawyer_{METHOD}"), START)
    yield bombard(
        stage,
        Target(
            node=node,
            topic="/learned_loss",
            good=lambda: loss,
            recovered=lambda: 0.0 < float(stage.of(node, f"age of loss {METHOD} [s]") or 0) < 1.0,
            qos=LATCHED_1,
            period=0.2,
        ),
        count,
    )
    yield bombard(
        stage,
        Target(
            node=node,
            topic="/stream_finished",
            good=lambda: Bool(data=False),
            recovered=lambda: stage.of(node, "state") == "active",
            mutate=lambda good, rng: ("none", good),  # the other value ends the run, rightly
            variants=0,
            qos=LATCHED_1,
        ),
        count,
    )
    goes_on = works(stage, states)
    yield Row(
        "policy_optimizer after all of this",
        "does not learn" if goes_on is None else f"all methods learn, after {goes_on:.1f} s",
        "learns with finite errors",
        goes_on is not None,
    )
    stage.end(node)


def _meta_learner(stage: Stage, count: int) -> Iterator[Row]:
    node, robot = "meta_learner", load_robot("sawyer")
    names = "[" + ", ".join(robot.names) + "]"
    stage.start(node, out=stage.folder / "meta", joints=names)
    arm, base = MovingArm(robot), [0, 0]
    keys = ("samples", "samples with prior")

    def mark() -> None:
        base[:] = [stage.count(node, key) for key in keys]

    def more(i: int) -> bool:
        return stage.count(node, keys[i]) > base[i] + LEARNED

    yield bombard(
        stage,
        Target(
            node=node,
            topic="/joint_states",
            good=arm.message,
            recovered=lambda: more(0),
            qos=RELIABLE_100,
            mark=mark,
        ),
        count,
    )
    states = stage.publisher(JointState, "joint_states", RELIABLE_100)
    stage.connected(states)
    n = len(robot.names)

    def prior() -> Any:
        msg = arm.message()
        states.publish(msg)
        q, v = np.array(msg.position), np.array(msg.velocity)
        return prior_to_msg(robot.names, arm.newest, q, v, np.eye(n), np.zeros(n))

    yield bombard(
        stage,
        Target(
            node=node,
            topic="/inertia_prior",
            good=prior,
            recovered=lambda: more(1),
            qos=RELIABLE_100,
            mark=mark,
        ),
        count,
    )
    stage.silence(states)
    stage.end(node)


def _recorder(stage: Stage, count: int) -> Iterator[Row]:
    node, base = "recorder", [0]
    stage.start(node, out=stage.folder / "recorded", topics="[/spoken]")
    arm = MovingArm(load_robot("sawyer"))
    yield bombard(
        stage,
        Target(
            node=node,
            topic="/spoken",
            good=arm.message,
            recovered=lambda: stage.count(node, "messages") > base[0] + 10,
            qos=RELIABLE_100,
            mark=lambda: base.__setitem__(0, stage.count(node, "messages")),
        ),
        count,
    )
    stage.end(node)


def _conductor(stage: Stage, count: int) -> Iterator[Row]:
    stage.start("sim_arm", robot="reacher")
    stage.start(
        "policy_optimizer", loss="none", joints="[joint0, joint1]", learn_duration=FOR_EVER
    )
    conductor = stage.start("conductor", wait=False, autostart=None, sources="[sim_arm]")
    stage.until(lambda: "adapts" in conductor.said(), 60.0)
    base, stamp = [0], iter(range(START, 2**62, PERIOD))

    def good() -> Adaptation:
        msg = Adaptation(method="told", nmse=[0.5], nmse_mean=0.5, learning=True)
        msg.header.stamp = time_msg(next(stamp))
        return msg

    yield bombard(
        stage,
        Target(
            node="conductor",
            topic="/adaptation",
            good=good,
            recovered=lambda: "told 0.5" in conductor.said()[base[0] :],
            qos=RELIABLE_100,
            mark=lambda: base.__setitem__(0, len(conductor.said())),
        ),
        count,
    )
    for name in ("conductor", "policy_optimizer", "sim_arm"):
        stage.end(name)


def _player(stage: Stage, count: int) -> Iterator[Row]:
    writer = BagWriter(stage.folder / "bag")
    writer.add_topic("/joint_states", "sensor_msgs/msg/JointState")
    arm = MovingArm(load_robot("reacher"))
    for _ in range(6000):
        msg = arm.message()
        writer.write("/joint_states", arm.newest, serialize_message(msg))
    writer.close()
    node, heard, base = "bag_player", [JointState()], [0]
    stage.listen(JointState, "joint_states", lambda msg: heard.__setitem__(0, msg), RELIABLE_100)
    stage.start(node, bag=stage.folder / "bag", rate=0.5, max_ahead=100)

    def good() -> Adaptation:
        msg = Adaptation(method="m")
        msg.header.stamp = heard[0].header.stamp
        return msg

    yield bombard(
        stage,
        Target(
            node=node,
            topic="/adaptation",
            good=good,
            recovered=lambda: stage.count(node, "samples sent") > base[0] + 20,
            qos=RELIABLE_100,
            mark=lambda: base.__setitem__(0, stage.count(node, "samples sent")),
        ),
        count,
    )
    stage.end(node)


def _policy(stage: Stage, count: int) -> Iterator[Row]:
    node, robot = "reach_optimizer", load_robot("reacher")
    stage.start("sim_arm", robot="reacher", velocity_noise=0.0, **REACHER_ARM)
    stage.start(
        node,
        robot="reacher",
        out=stage.folder / "reach",
        retries=100,
        updates=3,
        reset_timeout=2.0,
    )
    watch, base = within(robot), [0]
    newest: dict[str, Any] = {"hand_pose": PoseStamped(), "joint_states": JointState()}
    stage.listen(JointState, "joint_command", watch, RELIABLE_100)
    for topic, msg in newest.items():
        stage.listen(
            type(msg), topic, lambda msg, t=topic: newest.__setitem__(t, msg), RELIABLE_100
        )
    angles = random.Random(0)

    def goal() -> PoseStamped:
        angle = angles.uniform(-1.5, 1.5)
        at = [0.15 * math.cos(angle), 0.15 * math.sin(angle), 0.0]
        return pose_to_msg(np.array([*at, 0.0, 0.0, math.sin(angle / 2), math.cos(angle / 2)]), 0)

    topics = {
        "/goal": (goal, LATCHED_100),
        "/hand_pose": (lambda: copy.deepcopy(newest["hand_pose"]), LATCHED_1),
        "/joint_states": (lambda: copy.deepcopy(newest["joint_states"]), LATCHED_1),
    }
    for topic, (good, qos) in topics.items():
        yield bombard(
            stage,
            Target(
                node=node,
                topic=topic,
                good=good,
                recovered=lambda: stage.count(node, "episodes") > base[0],
                qos=qos,
                mark=lambda: base.__setitem__(0, stage.count(node, "episodes")),
                period=0.1,
            ),
            count,
        )
    yield watch.row()
    for name in (node, "sim_arm"):
        stage.end(name)
