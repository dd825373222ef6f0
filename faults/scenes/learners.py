# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Wrong messages for the nodes that learn, record, play and conduct."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from rclpy.serialization import serialize_message
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool

from faults.rig.result import Row
from faults.rig.rig import Rig
from faults.rig.waiting import require
from faults.scenes.arm import PERIOD, START, MovingArm
from faults.scenes.bombard import Target, bombard, works
from ml3_msgs.msg import Adaptation
from ml3_ros.data.bags.writer import BagWriter
from ml3_ros.nodes.adaptation.names import topics_of
from ml3_ros.nodes.kit import loss_files
from ml3_ros.nodes.kit.qos import LATCHED_1, RELIABLE_100
from ml3_ros.nodes.messages.joint_states import time_msg
from ml3_ros.nodes.messages.ml3 import prior_to_msg
from ml3_ros.robots.registry import load_robot
from ml3_ros.zoo import shipped_loss

FOR_EVER = 864_000.0  # [s]
LEARNED = 60  # samples after which a learner works again
METHOD = "ml3_shaped"


def scenes(rig: Rig, count: int) -> Iterator[Row]:
    """Bombard policy_optimizer, meta_learner, recorder, conductor and bag_player."""
    yield from _optimizer(rig, count)
    yield from _meta_learner(rig, count)
    yield from _recorder(rig, count)
    yield from _conductor(rig, count)
    yield from _player(rig, count)


def _optimizer(rig: Rig, count: int) -> Iterator[Row]:
    node = "policy_optimizer"
    rig.start(node, out=rig.folder / "run", learn_duration=FOR_EVER)
    arm, newest, base = MovingArm(load_robot("sawyer")), {}, [0]
    on_status = lambda msg: newest.update({msg.method: msg})  # noqa: E731
    for topic in topics_of((METHOD, "sgd_tuned", "adam_tuned")).values():
        rig.bench.listen(Adaptation, topic, on_status, RELIABLE_100)

    def samples() -> int:
        return min((msg.samples for msg in newest.copy().values()), default=0)

    def learns() -> bool:
        finite = all(math.isfinite(msg.nmse_mean) for msg in newest.copy().values())
        return samples() >= base[0] + LEARNED and finite

    states = Target(
        node=node,
        topic="/joint_states",
        good=arm.message,
        recovered=learns,
        qos=RELIABLE_100,
        mark=lambda: base.__setitem__(0, samples()),
    )
    yield bombard(rig, states, count)
    loss = loss_files.message(METHOD, shipped_loss(f"sawyer_{METHOD}"), START)
    yield bombard(
        rig,
        Target(
            node=node,
            topic="/learned_loss",
            good=lambda: loss,
            recovered=lambda: (
                0.0 < float(rig.bench.diagnostic(node, f"age of loss {METHOD} [s]") or 0) < 1.0
            ),
            qos=LATCHED_1,
            period=0.2,
        ),
        count,
    )
    yield bombard(
        rig,
        Target(
            node=node,
            topic="/stream_finished",
            good=lambda: Bool(data=False),
            recovered=lambda: rig.bench.diagnostic(node, "state") == "active",
            mutate=lambda good, rng: ("none", good),  # the other value ends the run, rightly
            variants=0,
            qos=LATCHED_1,
        ),
        count,
    )
    goes_on = works(rig, states)
    yield Row(
        "policy_optimizer after all of this",
        "does not learn" if goes_on is None else f"all methods learn, after {goes_on:.1f} s",
        "learns with finite errors",
        goes_on is not None,
    )
    rig.stop(node)


def _meta_learner(rig: Rig, count: int) -> Iterator[Row]:
    node, robot = "meta_learner", load_robot("sawyer")
    rig.start(node, out=rig.folder / "meta", joints=list(robot.names))
    arm, base = MovingArm(robot), [0, 0]
    keys = ("samples", "samples with prior")

    def mark() -> None:
        base[:] = [rig.bench.diagnostic_count(node, key) for key in keys]

    def more(i: int) -> bool:
        return rig.bench.diagnostic_count(node, keys[i]) > base[i] + LEARNED

    yield bombard(
        rig,
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
    states = rig.bench.publisher(JointState, "joint_states", RELIABLE_100)
    n = len(robot.names)

    def prior() -> Any:
        msg = arm.message()
        states.publish(msg)
        q, v = np.array(msg.position), np.array(msg.velocity)
        return prior_to_msg(robot.names, arm.newest, q, v, np.eye(n), np.zeros(n))

    yield bombard(
        rig,
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
    rig.bench.remove(states)
    rig.stop(node)


def _recorder(rig: Rig, count: int) -> Iterator[Row]:
    node, base = "recorder", [0]
    rig.start(node, out=rig.folder / "recorded", topics=["/spoken"])
    arm = MovingArm(load_robot("sawyer"))
    yield bombard(
        rig,
        Target(
            node=node,
            topic="/spoken",
            good=arm.message,
            recovered=lambda: rig.bench.diagnostic_count(node, "messages") > base[0] + 10,
            qos=RELIABLE_100,
            mark=lambda: base.__setitem__(0, rig.bench.diagnostic_count(node, "messages")),
        ),
        count,
    )
    rig.stop(node)


def _conductor(rig: Rig, count: int) -> Iterator[Row]:
    rig.start("sim_arm", robot="reacher")
    rig.start(
        "policy_optimizer", loss="none", joints=["joint0", "joint1"], learn_duration=FOR_EVER
    )
    conductor = rig.start_inactive("conductor", autostart=None, sources=["sim_arm"])
    require(lambda: "adapts" in conductor.output(), "a conductor whose system adapts")
    base, stamp = [0], iter(range(START, 2**62, PERIOD))

    def good() -> Adaptation:
        msg = Adaptation(method="bench", nmse=[0.5], nmse_mean=0.5, learning=True)
        msg.header.stamp = time_msg(next(stamp))
        return msg

    yield bombard(
        rig,
        Target(
            node="conductor",
            topic="/adaptation/bench",
            good=good,
            recovered=lambda: "bench 0.5" in conductor.output()[base[0] :],
            qos=RELIABLE_100,
            mark=lambda: base.__setitem__(0, len(conductor.output())),
        ),
        count,
    )
    rig.stop("conductor", "policy_optimizer", "sim_arm")


def _player(rig: Rig, count: int) -> Iterator[Row]:
    writer = BagWriter(rig.folder / "bag")
    writer.add_topic("/joint_states", "sensor_msgs/msg/JointState")
    arm = MovingArm(load_robot("reacher"))
    for _ in range(6000):
        msg = arm.message()
        writer.write("/joint_states", arm.newest, serialize_message(msg))
    writer.close()
    node, newest, base = "bag_player", [JointState()], [0]
    rig.bench.listen(
        JointState, "joint_states", lambda msg: newest.__setitem__(0, msg), RELIABLE_100
    )
    rig.start(node, bag=rig.folder / "bag", rate=0.5, max_ahead=100)

    def good() -> Adaptation:
        msg = Adaptation(method="m")
        msg.header.stamp = newest[0].header.stamp
        return msg

    yield bombard(
        rig,
        Target(
            node=node,
            topic="/adaptation/m",
            good=good,
            recovered=lambda: rig.bench.diagnostic_count(node, "samples sent") > base[0] + 20,
            qos=RELIABLE_100,
            mark=lambda: base.__setitem__(0, rig.bench.diagnostic_count(node, "samples sent")),
        ),
        count,
    )
    rig.stop(node)
