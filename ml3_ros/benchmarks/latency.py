# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""From a joint state to the torque that answers it: tracking_controller beside a bare echo.

Both are processes of their own, and joint states go to them in turns, a block of time each. A
learned model is fed forward, and a new one comes five times a second, as beside a learner. Times
are those of this process, from sending a state to having its answer; what the machine is doing
meanwhile and what this process costs hits both alike.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
import torch
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import JointState

from ml3_msgs.msg import LearnedModel
from ml3_ros.bringup.up import environment
from ml3_ros.learners.inverse_dynamics.net import InverseDynamicsNet
from ml3_ros.learners.inverse_dynamics.net_file import model_to_bytes
from ml3_ros.learners.inverse_dynamics.units import Units
from ml3_ros.nodes.kit.qos import LATCHED_1, RELIABLE_100
from ml3_ros.nodes.messages.joint_states import NANO, JointSample, nanoseconds, sample_to_msg
from ml3_ros.nodes.messages.ml3 import model_to_msg
from ml3_ros.reports.tables import number, text_table
from ml3_ros.robots.registry import load_robot
from ml3_ros.zoo import shipped_loss

CHECKOUT = Path(__file__).resolve().parents[2]
RATES = (100, 500, 1000)  # [Hz]
BLOCKS, BLOCK_S = 10, 2.0
WARM_UP_S = 2.0
MODEL_PERIOD_S = 0.2
ANSWER_S = 1.0  # an answer that has not come by then is lost
START_S = 60.0
ROBOT = load_robot("sawyer")
ECHO, OURS = "echo", "tracking_controller"


@dataclass(slots=True)
class Side:
    """One of the two that answer: its topics, what was sent, and what came back when [s]."""

    states: Any
    sent: dict[int, float] = field(default_factory=dict)
    answered: dict[int, float] = field(default_factory=dict)
    stamp: int = NANO  # of the newest state [ns]

    def on_answer(self, msg: JointState) -> None:
        """Note an answer."""
        self.answered[nanoseconds(msg.header.stamp)] = time.perf_counter()

    def microseconds(self) -> np.ndarray:
        """Return the time that each answer took [us]."""
        took = [at - self.sent[stamp] for stamp, at in self.answered.items() if stamp in self.sent]
        return 1e6 * np.array(took)


class Arm:
    """An arm at rest that sends joint states and times the answers."""

    def __init__(self, rate: int, sides: tuple[str, ...]) -> None:
        """Connect to all that answer, each in the namespace of its name."""
        self._context = rclpy.Context()
        rclpy.init(context=self._context)
        node = Node("arm", context=self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(node)
        self._period = 1.0 / rate
        self.sides: dict[str, Side] = {}
        for name in sides:
            side = Side(node.create_publisher(JointState, f"/{name}/joint_states", RELIABLE_100))
            node.create_subscription(
                JointState, f"/{name}/joint_command", side.on_answer, RELIABLE_100
            )
            self.sides[name] = side
        self._models = node.create_publisher(LearnedModel, f"/{OURS}/learned_model", LATCHED_1)
        units = Units.from_dict(shipped_loss("sawyer_ml3_shaped").provenance["units"])
        net = InverseDynamicsNet(units)
        theta = net.init(torch.Generator().manual_seed(0))
        self._model = model_to_bytes(net, theta)
        self._update = 0

    def give_model(self) -> None:
        """Send the learned model."""
        self._update += 1
        self._models.publish(
            model_to_msg(
                "ml3_shaped", self._model, stamp=0, update=self._update, joint_names=ROBOT.names
            )
        )

    def drive(self, name: str, seconds: float) -> None:
        """Send joint states to one side at the rate, and wait for the last answers."""
        side = self.sides[name]
        rest = np.zeros(ROBOT.nv)
        begin = time.perf_counter()
        next_model = begin
        for k in range(round(seconds / self._period)):
            self.spin_until(begin + k * self._period)
            if name == OURS and time.perf_counter() >= next_model:
                self.give_model()
                next_model += MODEL_PERIOD_S
            side.stamp += round(self._period * NANO)  # its time stands still between blocks
            sample = JointSample(stamp=side.stamp, q=ROBOT.home, v=rest, tau=rest)
            msg = sample_to_msg(sample, ROBOT.names)
            side.sent[side.stamp] = time.perf_counter()
            side.states.publish(msg)
        deadline = time.perf_counter() + ANSWER_S
        while len(side.answered) < len(side.sent) and time.perf_counter() < deadline:
            self._executor.spin_once(timeout_sec=0.05)

    def spin_until(self, when: float) -> None:
        """Take answers in until a time of perf_counter [s]."""
        while (left := when - time.perf_counter()) > 0.0:
            self._executor.spin_once(timeout_sec=left)

    def wait_for_answers(self) -> None:
        """Send states until every side answers.

        Raises:
            TimeoutError: One does not.
        """
        deadline = time.perf_counter() + START_S
        while not all(side.answered for side in self.sides.values()):
            if time.perf_counter() > deadline:
                raise TimeoutError("no answers: look at the output of the nodes above")
            for name in self.sides:
                self.drive(name, self._period)

    def forget(self) -> None:
        """Forget what was sent and answered so far."""
        for side in self.sides.values():
            side.sent.clear()
            side.answered.clear()

    def close(self) -> None:
        """Leave."""
        self._context.try_shutdown()


@contextmanager
def process(*argv: str) -> Iterator[None]:
    """Run a Python module for as long as the context lasts."""
    child = subprocess.Popen([sys.executable, "-m", *argv], env=environment(), cwd=CHECKOUT)
    try:
        yield
    finally:
        child.send_signal(signal.SIGINT)
        child.wait(30.0)


def measure(rate: int, *, blocks: int, block_s: float) -> dict[str, Side]:
    """Return what both sides did at a rate [Hz]."""
    ours = ["ml3_ros.nodes.tracking_controller.node", "--ros-args", "-r", f"__ns:=/{OURS}"]
    settings = {
        "autostart": "true",
        "rate": f"{float(rate)}",
        "feedforwards": "[ml3_shaped]",
        "duplicate_wait": "0.0",
        "lost_error": "10.0",  # this arm does not move
    }
    ours += [word for key, value in settings.items() for word in ("-p", f"{key}:={value}")]
    with ExitStack() as stack:
        stack.enter_context(
            process("ml3_ros.benchmarks.echo", "--ros-args", "-r", f"__ns:=/{ECHO}")
        )
        stack.enter_context(process(*ours))
        arm = Arm(rate, (ECHO, OURS))
        stack.callback(arm.close)
        arm.wait_for_answers()
        for name in arm.sides:
            arm.drive(name, WARM_UP_S)
        arm.forget()
        for _ in range(blocks):
            for name in arm.sides:
                arm.drive(name, block_s)
        return arm.sides


def run(report: Callable[[str], None] = print, *, quick: bool = False) -> dict[int, int]:
    """Measure and report a table.

    Returns:
        By rate, how many joint states were not answered by either.
    """
    os.environ.update(environment())  # all three processes talk as nodes of `ml3 up` do
    unanswered, table = {}, []
    for rate in RATES[:2] if quick else RATES:
        sides = measure(rate, blocks=2 if quick else BLOCKS, block_s=0.5 if quick else BLOCK_S)
        times = {name: side.microseconds() for name, side in sides.items()}
        percentiles = {name: np.percentile(row, (50, 99, 100)) for name, row in times.items()}
        unanswered[rate] = 0
        for name, side in sides.items():
            lost = len(side.sent) - len(times[name])
            unanswered[rate] += lost
            cells = [f"{x:.0f}" for x in percentiles[name]]
            table.append([f"{rate} Hz", name, *cells, str(len(side.sent)), str(lost)])
        ratios = map(number, percentiles[OURS] / percentiles[ECHO])
        table.append(["", f"{OURS} / {ECHO}", *ratios, "", ""])
    header = ["rate", "", "p50 [us]", "p99 [us]", "largest [us]", "sent", "lost"]
    report(text_table(header, table, n_texts=2))
    return unanswered
