# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Changes of clocks: stamps that leap, and the machine's clock set under running nodes."""

from __future__ import annotations

import itertools
import shutil
import struct
import subprocess
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from sensor_msgs.msg import JointState

from faults.rig.result import Finding, Row
from faults.rig.rig import Rig
from faults.rig.waiting import require, until
from faults.scenes.arm import PERIOD, START, MovingArm, inside, within
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
ANSWER_S = 2.0  # the last state is answered within this, or not at all
WATCH_S = 6.0  # how long the arm is watched after a leap of the machine's clock
STANDSTILL_S = 2.0  # joint states come again within this on a busy machine


def bench(folder: Path, quick: bool) -> Finding:
    """Set the clock of the stamps, then that of the machine."""
    rows: list[Row] = []
    with Rig(folder / "stamps") as rig:
        rows += _learner(rig)
        rows += _excitation(rig)
    rows += _machine(folder, list(LEAPS.items())[:1] if quick else list(LEAPS.items()))
    return Finding(
        title="Clocks that are set",
        method=(
            "The stamps of a stream of joint states leap forwards and back by 1 s, 1 h and 10 "
            f"years, and to zero, with {PIECE} samples between the leaps. A sample is mixed if "
            "the window of its filter holds moments from both sides of a leap, which shows in "
            "its acceleration. Then a simulated arm and its controller run in real time, and the "
            "clock of the machine is set under both of them, by a preloaded `clock_gettime` and "
            "`pthread_cond_timedwait`; what counts is the longest time without a joint state. "
            "Setting the clock back may stop nodes until it has come forwards again, for as long "
            "as no message reaches them. The reason is Fast DDS as the Python wheels have it: "
            "built for glibc 2.28, its waits with a deadline (`WaitSet::wait`, the event thread) "
            "are on CLOCK_REALTIME, and a node whose steady-clock timer is due does not learn of "
            "it. A message that arrives ends the wait, and the next one has the right deadline: "
            "an arm that publishes by itself keeps all others going, but a simulated arm and its "
            "controller that wait for each other at that moment stand still, in some runs and not "
            "in others. Whoever sets the clock back by hand restarts the nodes; a clock that is "
            "slewed (NTP, PTP) never goes back."
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


def _learner(rig: Rig) -> Iterator[Row]:
    node, run = "policy_optimizer", rig.folder / "run"
    rig.start(node, out=run, learn_duration=LEARN_S)
    arm = MovingArm(load_robot("sawyer"))
    adaptations = rig.bench.record(Adaptation, "adaptation/adam_tuned", RELIABLE_100)
    states = rig.bench.publisher(JointState, "joint_states", RELIABLE_100)
    counter = rig.processes[node].counter("/joint_states")
    sent = 0
    for stamp in leaping():
        states.publish(arm.at(stamp))
        sent += 1
        until(partial(counter.reached, sent - 20), 5.0)
    until(partial(counter.reached, sent), 5.0)
    rig.bench.forget_diagnostics(node)  # what was waiting before the last sample says nothing
    until(lambda: rig.bench.diagnostic(node, "samples waiting") == "0", 120.0)
    newest = adaptations.last()
    learning = newest is not None and newest.learning and rig.bench.is_active(node)
    dropped = rig.bench.diagnostic_count(node, "stamps out of order")
    rig.stop(node)
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


def _excitation(rig: Rig) -> Iterator[Row]:
    robot = load_robot("sawyer")
    node, arm, watch = "excitation", MovingArm(robot), within(robot)
    rig.start(node, robot="sawyer")
    answered: list[int] = []

    def on_command(msg: JointState) -> None:
        answered.append(nanoseconds(msg.header.stamp))
        watch(msg)

    rig.bench.listen(JointState, "joint_command", on_command, RELIABLE_100)
    states = rig.bench.publisher(JointState, "joint_states", RELIABLE_1)
    counter, sent, stamps = rig.processes[node].counter("/joint_states"), 0, []
    for stamp in leaping():
        states.publish(arm.at(stamp))
        stamps.append(stamp)
        sent += 1
        until(partial(counter.reached, sent), 2.0)
    until(lambda: answered[-1:] == stamps[-1:], ANSWER_S)
    known = np.isin(stamps, answered)
    longest = max(
        (len(list(run)) for is_known, run in itertools.groupby(known) if not is_known), default=0
    )
    yield Row(
        "excitation, states in a row without an answer",
        f"{longest} at most, of {sent}",
        f"at most {DROPPED}",
        bool(known.any() and longest <= DROPPED),
    )
    yield watch.row()
    rig.stop(node)


def _machine(folder: Path, leaps: list[tuple[str, int]]) -> Iterator[Row]:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        yield Row("clock of the machine", "not measured: there is no C compiler")
        return
    library = folder / "set_clock.so"
    source = Path(__file__).with_name("set_clock.c")
    options = ["-shared", "-fPIC", "-O2", "-ldl", "-lpthread"]
    subprocess.run([compiler, source, "-o", library, *options], check=True)
    clock = MachineClock(folder / "offset")
    environ = {"LD_PRELOAD": str(library), "ML3_FAULTS_CLOCK": str(clock.path)}
    with Rig(folder / "machine", environ=environ) as rig:
        yield from _set_under_an_arm(rig, clock, leaps)


class MachineClock:
    """The offset by which the preloaded `set_clock.c` shifts the system's clock of the nodes."""

    def __init__(self, path: Path) -> None:
        """Begin with the true time; `path` is the file that the nodes map."""
        self.path, self._offset = path, 0
        path.write_bytes(bytes(8))

    def leap(self, seconds: int) -> None:
        """Set the clock forwards, or back."""
        self._offset += seconds
        with self.path.open("r+b") as file:
            file.write(struct.pack("<q", self._offset))


def _set_under_an_arm(
    rig: Rig, clock: MachineClock, leaps: list[tuple[str, int]]
) -> Iterator[Row]:
    watch, arrivals = inside(load_robot("reacher")), [time.monotonic()]

    def on_state(msg: JointState) -> None:
        arrivals.append(time.monotonic())
        watch(msg)

    def is_driven() -> bool:
        return rig.bench.diagnostic("sim_arm", "held by") == "joint_command"

    rig.bench.listen(JointState, "joint_states", on_state, RELIABLE_100)
    rig.start("sim_arm", robot="reacher")
    rig.start("excitation", robot="reacher")
    require(is_driven, "an arm that follows its controller")
    for name, seconds in leaps:
        for sign, way in ((1, "forwards"), (-1, "back")):
            began = len(arrivals)
            clock.leap(sign * seconds)
            time.sleep(WATCH_S)
            rig.bench.forget_diagnostics("sim_arm")
            driven = until(is_driven, 5.0)
            gap = float(np.diff([*arrivals[began - 1 :], time.monotonic()]).max())
            yield Row(
                f"the machine's clock {name} {way}",
                f"no joint state for {gap:.2f} s at most; the arm "
                f"{'follows its controller' if driven else 'is not driven any more'}",
                f"at most {STANDSTILL_S:g} s, and the arm follows",
                gap <= STANDSTILL_S and driven,
            )
    yield watch.row()
