"""Clocks that are set: stamps that leap, and the clock of the machine under running nodes."""

from __future__ import annotations

import itertools
import os
import shutil
import struct
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from sensor_msgs.msg import JointState

from faults.arm_scenes import PERIOD, START, MovingArm, inside, within
from faults.result import Finding, Row
from faults.stage import Stage
from ml3_msgs.msg import Adaptation
from ml3_ros.data.run_files import RunFolder
from ml3_ros.nodes.kit.qos import RELIABLE_1, RELIABLE_100
from ml3_ros.nodes.messages.joint_states import NANO, nanoseconds
from ml3_ros.robots.registry import load_robot

YEAR = 31_557_600
LEAPS = {"1 s": 1, "1 h": 3600, "10 years": 10 * YEAR}  # [s]
PIECE = 150  # samples between two leaps
LEARN_S = 600.0  # of the stream; a leap must not use it up
MIXED = 0.05  # [rad/s^2] by which an acceleration may be off; leaps mix in far more
DROPPED = 40  # samples that a leap may cost a node that answers
STANDSTILL_S = 2.0  # joint states come again within this on a busy machine


def bench(folder: Path, quick: bool) -> Finding:
    """Set the clock of the stamps, then that of the machine."""
    rows: list[Row] = []
    with Stage(folder / "stamps") as stage:
        rows += _learner(stage)
        rows += _excitation(stage)
    with Stage(folder / "machine") as stage:
        rows += _machine(stage, folder, list(LEAPS.items())[:1] if quick else list(LEAPS.items()))
    return Finding(
        title="Clocks that are set",
        method=(
            "The stamps of a stream of joint states leap forwards and back by 1 s, 1 h and 10 "
            f"years, and to zero, with {PIECE} samples between the leaps. A sample is mixed if "
            "the window of its filter holds moments from both sides of a leap, which shows in "
            "its acceleration. Then a simulated arm and its controller run in real time, and the "
            "clock of the machine is set under both of them, by a preloaded `clock_gettime`; "
            "what counts is the longest time without a joint state. What setting it back does "
            "differs from run to run: in some, a node stands still until the clock has come "
            "forwards again."
        ),
        rows=rows,
    )


def leaping() -> Iterator[int]:
    """Return stamps [ns] of 100 Hz with a leap after every PIECE of them."""
    shifts = [0, *(sign * s for s in LEAPS.values() for sign in (1, -1))]
    origin = START
    for shift in shifts:
        origin += shift * NANO
        yield from range(origin, origin + PIECE * PERIOD, PERIOD)
        origin += PIECE * PERIOD
    yield from range(0, 2 * PIECE * PERIOD, PERIOD)


def _learner(stage: Stage) -> Iterator[Row]:
    node, run = "policy_optimizer", stage.folder / "run"
    stage.start(node, out=run, learn_duration=LEARN_S)
    arm, told = MovingArm(load_robot("sawyer")), [Adaptation()]
    stage.listen(Adaptation, "adaptation", lambda msg: told.__setitem__(0, msg), RELIABLE_100)
    states = stage.publisher(JointState, "joint_states", RELIABLE_100)
    stage.connected(states)
    counter = stage.nodes[node].counter("/joint_states")
    sent = 0
    for stamp in leaping():
        states.publish(arm.at(stamp))
        sent += 1
        stage.until(lambda n=sent: counter.value > n - 20, 5.0)
    stage.until(lambda: counter.value == sent, 5.0)
    stage.spin(2.0)
    stage.until(lambda: stage.of(node, "samples waiting") == "0", 120.0)
    learning = told[0].learning and stage.of(node, "state") == "active"
    dropped = stage.count(node, "stamps out of order")
    stage.end(node)
    samples = RunFolder(run).load_samples()
    error = np.abs(samples.a + arm.omega**2 * (samples.q - arm.home)).max()
    span = float(samples.t[-1] - samples.t[0])
    restarts = 2 * len(LEAPS) + 1
    yield Row(
        f"policy_optimizer, {restarts} leaps in {sent} samples",
        f"{'learning goes on' if learning else 'learning has ended'}; {len(samples.t)} samples "
        f"learned from, {dropped} dropped, {span:.0f} s of the stream",
        f"goes on, the stream is no longer than {LEARN_S:g} s",
        learning and span < LEARN_S,
    )
    yield Row(
        "samples mixed across a leap",
        f"largest error of an acceleration {error:.4f} rad/s^2",
        f"none: below {MIXED:g} rad/s^2",
        bool(error < MIXED),
    )


def _excitation(stage: Stage) -> Iterator[Row]:
    robot = load_robot("sawyer")
    node, arm, watch = "excitation", MovingArm(robot), within(robot)
    stage.start(node, robot="sawyer")
    answered: list[int] = []

    def on_command(msg: JointState) -> None:
        answered.append(nanoseconds(msg.header.stamp))
        watch(msg)

    stage.listen(JointState, "joint_command", on_command, RELIABLE_100)
    states = stage.publisher(JointState, "joint_states", RELIABLE_1)
    stage.connected(states)
    counter, sent, asked = stage.nodes[node].counter("/joint_states"), 0, []
    for stamp in leaping():
        states.publish(arm.at(stamp))
        asked.append(stamp)
        sent += 1
        stage.until(lambda n=sent: counter.value >= n, 2.0)
    stage.spin(0.5)
    there = np.isin(asked, answered)
    longest = max(
        (len(list(run)) for known, run in itertools.groupby(there) if not known), default=0
    )
    yield Row(
        "excitation, states in a row without an answer",
        f"{longest} at most, of {sent}",
        f"at most {DROPPED}",
        bool(there.any() and longest <= DROPPED),
    )
    yield watch.row()
    stage.end(node)


def _machine(stage: Stage, folder: Path, leaps: list[tuple[str, int]]) -> Iterator[Row]:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        yield Row("clock of the machine", "not measured: there is no C compiler")
        return
    library, offset = folder / "set_clock.so", folder / "offset"
    source = Path(__file__).with_name("set_clock.c")
    options = ["-shared", "-fPIC", "-O2", "-ldl", "-lpthread"]
    subprocess.run([compiler, source, "-o", library, *options], check=True)
    offset.write_bytes(struct.pack("<q", 0))
    robot = load_robot("reacher")
    watch, heard = inside(robot), [time.monotonic()]

    def on_state(msg: JointState) -> None:
        heard.append(time.monotonic())
        watch(msg)

    stage.listen(JointState, "joint_states", on_state, RELIABLE_100)
    os.environ |= {"LD_PRELOAD": str(library), "ML3_FAULTS_CLOCK": str(offset)}
    try:
        stage.start("sim_arm", robot="reacher")
        stage.start("excitation", robot="reacher")
    finally:
        del os.environ["LD_PRELOAD"], os.environ["ML3_FAULTS_CLOCK"]
    moved = lambda: stage.of("sim_arm", "held by") == "joint_command"  # noqa: E731
    stage.until(moved, 30.0)
    for name, seconds in leaps:
        for sign, way in ((1, "forwards"), (-1, "back")):
            began = len(heard)
            now = struct.unpack("<q", offset.read_bytes())[0]
            with offset.open("r+b") as file:
                file.write(struct.pack("<q", now + sign * seconds))
            stage.spin(6.0)
            stage.told.pop("sim_arm", None)
            driven = stage.until(moved, 5.0)
            gap = float(np.diff([*heard[began - 1 :], time.monotonic()]).max())
            yield Row(
                f"the machine's clock {name} {way}",
                f"no joint state for {gap:.2f} s at most; the arm "
                f"{'follows its controller' if driven else 'is not driven any more'}",
                f"at most {STANDSTILL_S:g} s, and the arm follows",
                gap <= STANDSTILL_S and driven,
            )
    yield watch.row()
