# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Several publishers of joint commands at once, and one that takes over after a kill."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from rclpy.node import Node
from sensor_msgs.msg import JointState

from faults.rig.result import Finding, Row
from faults.rig.rig import Rig
from faults.rig.waiting import require, until
from faults.scenes.sawyer import (
    DRIVER,
    DRIVER_OPTIONS,
    EMULATOR,
    EMULATOR_OPTIONS,
    Operator,
)
from ml3_ros.nodes.kit.qos import RELIABLE_1, RELIABLE_100
from ml3_ros.nodes.messages.joint_states import effort_to_msg, nanoseconds
from ml3_ros.robots.registry import load_robot

COUNT = "messages of several publishers"
SECONDS, QUICK_SECONDS = 10.0, 3.0
MOVED = 0.05  # [rad] that an arm may drift while it holds itself
REST, REST_STATES, REST_S = 1e-3, 20, 5.0  # [rad] in so many states: at rest, within this [s]
AGAIN_S = 5.0  # on a busy machine
NOTICED_S = 5.0  # /diagnostics come once a second
RIVAL = "rival"


def bench(folder: Path, quick: bool) -> Finding:
    """Let two controllers command the simulated arm and the driver of a Sawyer."""
    seconds = QUICK_SECONDS if quick else SECONDS
    rows: list[Row] = []
    with Rig(folder / "sim_arm") as rig:
        rows += _simulated(rig, seconds)
    with Rig(folder / "restart") as rig:
        rows += _restarted(rig)
    with Rig(folder / "driver") as rig:
        rows += _driver(rig, seconds)
    return Finding(
        title="Two controllers of one arm",
        method=(
            "Two nodes publish `joint_command` for the same arm, each answering every joint "
            f"state, for {seconds:g} s: torques of opposite sign, or one of them NaN, or for "
            "joints that the arm does not have. Both are rejected, and the arm holds itself. Then "
            "the second falls silent without going away, and the arm has to follow the first "
            "one by itself. A controller that was killed must not hold up its successor, though "
            "DDS still lists it."
        ),
        rows=rows,
    )


class Rival:
    """A second controller: answers every joint state with what `command` makes of it."""

    def __init__(self, node: Node, command: Callable[[JointState], JointState]) -> None:
        """Begin silent."""
        self.on = False
        self.command = command
        self._commands = node.create_publisher(JointState, "joint_command", RELIABLE_1)
        node.create_subscription(JointState, "joint_states", self._on_state, RELIABLE_100)

    def _on_state(self, msg: JointState) -> None:
        if self.on:
            self._commands.publish(self.command(msg))


def _answer(tau: list[float], names: tuple[str, ...]) -> Callable[[JointState], JointState]:
    return lambda msg: effort_to_msg(np.array(tau), names, nanoseconds(msg.header.stamp))


def _simulated(rig: Rig, seconds: float) -> Iterator[Row]:
    names, q = load_robot("reacher").names, []
    rig.start("sim_arm", robot="reacher", velocity_noise=0.0)
    rig.bench.listen(JointState, "joint_states", lambda msg: q.append(msg.position), RELIABLE_100)
    first = Rival(rig.bench.node, _answer([0.0, 0.0], names))
    first.on = True
    follows = lambda: rig.bench.diagnostic("sim_arm", "held by") == "joint_command"  # noqa: E731
    require(follows, "an arm that follows its controller", 30.0)
    second = Rival(rig.bench.add_node(RIVAL), _answer([0.0, 0.0], names))
    plans = {
        "opposite torques": (_answer([0.1, 0.0], names), _answer([-0.1, 0.0], names)),
        "one of NaN": (_answer([0.1, 0.0], names), _answer([np.nan, 0.0], names)),
        "one for other joints": (_answer([0.1, 0.0], names), _answer([0.1, 0.0], ("x", "y"))),
    }
    for what, (left, right) in plans.items():
        second.command = right
        _join(rig, "sim_arm", second)
        first.command = left
        yield from _rivals(rig, "sim_arm", f"sim_arm, {what}", q, seconds)
        first.command = _answer([0.0, 0.0], names)
        second.on = False
        yield _alone(rig, "sim_arm", f"sim_arm, {what}", follows)


def _driver(rig: Rig, seconds: float) -> Iterator[Row]:
    names, q = load_robot("sawyer").names, []
    rig.start(EMULATOR, **EMULATOR_OPTIONS)
    rig.start(DRIVER, **DRIVER_OPTIONS)
    rig.bench.listen(JointState, "joint_states", lambda msg: q.append(msg.position), RELIABLE_100)
    operator = Operator(rig)
    require(operator.active, "a driver that follows commands")
    second = Rival(rig.bench.add_node(RIVAL), _answer([9.0] * len(names), names))
    _join(rig, DRIVER, second)
    yield from _rivals(rig, DRIVER, "sawyer_driver, other torques", q, seconds)
    second.on = False
    yield _alone(
        rig, DRIVER, "sawyer_driver", lambda: rig.bench.diagnostic(DRIVER, "driver") == "active"
    )


def _join(rig: Rig, node: str, second: Rival) -> None:
    """Let a second controller command, and wait until the node has noticed it."""
    before = rig.bench.diagnostic_count(node, COUNT)
    second.on = True
    until(lambda: rig.bench.diagnostic_count(node, COUNT) > before, NOTICED_S)


def _rivals(rig: Rig, node: str, what: str, q: list[np.ndarray], seconds: float) -> Iterator[Row]:
    """Measure an arm that two nodes command."""
    until(lambda: _rests(q), REST_S)  # if it does not come to rest, it moves too far below
    before, begun = rig.bench.diagnostic_count(node, COUNT), len(q) - 1
    time.sleep(seconds)
    moved = float(np.ptp(np.array(q[begun:]), axis=0).max())
    rejected = rig.bench.diagnostic_count(node, COUNT) - before
    log = rig.processes[node].output()
    named = f"/{RIVAL}" in log and f"/{rig.bench.node.get_name()}" in log
    yield Row(
        f"{what}: two controllers",
        f"{rejected} commands rejected; the arm moved {moved:.4f} rad; "
        f"{'both are named' if named else 'NOT both named'} in the log",
        f"rejected, moved less than {MOVED:g} rad, both named",
        rejected > 0 and moved < MOVED and named,
    )


def _rests(q: list[np.ndarray]) -> bool:
    newest = q[-REST_STATES:]
    return len(newest) == REST_STATES and float(np.ptp(newest, axis=0).max()) < REST


def _alone(rig: Rig, node: str, what: str, follows: Callable[[], bool]) -> Row:
    began = time.monotonic()
    rig.bench.forget_diagnostics(node)
    follows_again = until(follows, 3 * AGAIN_S)
    seconds = time.monotonic() - began
    return Row(
        f"{what}: the second falls silent",
        f"follows the first after {seconds:.1f} s" if follows_again else "follows nobody",
        f"follows within {AGAIN_S:g} s, of which 1 s is the guard's and 1 s that of /diagnostics",
        follows_again and seconds <= AGAIN_S,
    )


def _restarted(rig: Rig) -> Iterator[Row]:
    commands: list[float] = []
    rig.start("sim_arm", robot="reacher")
    rig.start("excitation", robot="reacher")
    follows = lambda: rig.bench.diagnostic("sim_arm", "held by") == "joint_command"  # noqa: E731
    require(follows, "an arm that follows its controller", 30.0)
    rig.processes.kill("excitation")
    rig.bench.listen(
        JointState, "joint_command", lambda _: commands.append(time.monotonic()), RELIABLE_100
    )
    before = rig.bench.diagnostic_count("sim_arm", COUNT)
    rig.start_inactive("excitation", robot="reacher", duplicate_wait=0.0)
    until(lambda: commands, 60.0)
    rig.bench.forget_diagnostics("sim_arm")
    followed = until(follows, 3 * AGAIN_S)
    seconds = time.monotonic() - commands[0] if commands else np.inf
    rejected = rig.bench.diagnostic_count("sim_arm", COUNT) - before
    yield Row(
        "excitation killed and started again",
        f"the arm follows {seconds:.1f} s after its first command; {rejected} rejected",
        f"within {AGAIN_S:g} s; in the first of them the killed one still counts",
        followed and seconds <= AGAIN_S,
    )
