# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Kills and stops around an emulated robot: whichever process ends, the arm comes to a hold.

All times are those at which messages were handed to the middleware by who published them.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from lifecycle_msgs.msg import Transition

from faults.rig.processes import node
from faults.rig.recoveries import spread
from faults.rig.result import Finding, Row, rows_of
from faults.rig.rig import START_S, Rig
from faults.rig.waiting import require, until
from faults.scenes.holds import (
    COMMAND_TIMEOUT_S,
    ROBOT_TIMEOUT_S,
    STATE_TIMEOUT_S,
    Holds,
    command_rows,
    rest_rows,
    robot_rows,
)
from faults.scenes.sawyer_arm import CONTROLLER, DRIVER, NICE, ROBOT, SawyerArm
from ml3_ros.bringup.description import Process
from ml3_ros.robots.sawyer import interface as sawyer

TRANSPORT_S = 0.01  # ages are counted from reception, and checked once a cycle
ONLOOKERS_S = 180.0  # the robot leaves little of a small machine to nodes that start
WATCH_S = 1.2  # how long the arm is recorded after a fault
FREEZE_S = 0.5  # of the driver
FAULT_S = 5.0  # within this a driver without a robot says so, or it counts as one that does not
UNDISTURBED_S = 10.0  # of cycles that are measured


def bench(folder: Path, quick: bool) -> Finding:
    """Measure how soon the arm is held after each fault."""
    repetitions = 2 if quick else 20
    finding = Finding(
        title="The arm is held",
        method=(
            f"Emulated Sawyer (controller and joint states at 500 Hz), driver at its defaults "
            f"(500 Hz, command_timeout {COMMAND_TIMEOUT_S:g} s, robot_timeout "
            f"{ROBOT_TIMEOUT_S:g} s, state_timeout {STATE_TIMEOUT_S:g} s), excitation as "
            f"controller at 100 Hz; {repetitions} repetitions each, at random moments of a moving "
            "arm. Robot, driver and controller run before other work (nice -15, -15, -10), "
            "and a late operating system is part of what is measured. Times are those at which "
            "messages were published."
        ),
    )
    with Rig(folder, nice=NICE) as rig:
        arm = SawyerArm(rig, np.random.default_rng(0))
        for process in (ROBOT, DRIVER, CONTROLLER):
            rig.processes.start(process)
        require(lambda: rig.bench.is_active(DRIVER.name), "a driver that has started", START_S)
        arm.make_active()
        onlookers = (
            node("rigid_body_prior"),
            node("recorder", out=folder),
            node("policy_optimizer", loss="none", joints=list(sawyer.ARM_JOINTS), out=folder),
        )
        rows = rows_of(
            lambda: [_cycles(arm)],
            lambda: _ends_of_commands(arm, repetitions),
            lambda: _ends_of_the_driver(arm, repetitions),
            lambda: _kill_robot(arm, repetitions),
            lambda: _kill_onlookers(arm, onlookers, max(repetitions // 4, 1)),
        )
        finding.rows.extend(rows)
        finding.rows.append(
            Row("faults of the driver that nobody made, all repetitions", str(arm.interruptions))
        )
    return finding


def _ends_of_commands(arm: SawyerArm, repetitions: int) -> list[Row]:
    rows = []
    for name, end in (
        ("controller SIGKILLed", _kill_controller),
        ("controller SIGSTOPped", _freeze_controller),
        ("controller deactivated", _deactivate_controller),
    ):
        holds = _repeat(arm, end, repetitions)
        rows += [*command_rows(name, holds), *rest_rows(name, holds)]
    return rows


def _ends_of_the_driver(arm: SawyerArm, repetitions: int) -> list[Row]:
    rows = []
    for name, end in (
        ("driver SIGKILLed", _kill_driver),
        (f"driver SIGSTOPped for {FREEZE_S:g} s", _freeze_driver),
    ):
        holds = _repeat(arm, end, repetitions)
        rows += [*robot_rows(name, holds), *rest_rows(name, holds)]
    return rows


def _repeat(arm: SawyerArm, end: Callable[[SawyerArm, Holds], None], repetitions: int) -> Holds:
    """Repeat a fault; where the driver had just made one of its own, it does not count."""
    holds = Holds()
    for _ in range(2 * repetitions):
        if holds.repetitions < repetitions:
            arm.make_active()
            end(arm, holds)
    return holds


def _cycles(arm: SawyerArm) -> Row:
    """Measure the cycles of the undisturbed driver."""
    begin = time.time()
    time.sleep(UNDISTURBED_S)
    gaps = np.diff(arm.sent.times(begin)) if arm.driver_is("active") else np.empty(0)
    if not len(gaps):
        arm.make_active()
        return Row(
            "driver's cycle, undisturbed", f"it did not stay active for {UNDISTURBED_S:g} s"
        )
    p99 = np.percentile(gaps, 99) * 1e3
    return Row("driver's cycle, undisturbed", f"{spread(gaps, 'ms', 1e3)}, p99 {p99:.3g} ms")


def _kill_controller(arm: SawyerArm, holds: Holds) -> None:
    at = arm.processes.kill("excitation")
    _note_end_of_commands(arm, holds, at)
    arm.processes.start(CONTROLLER)


def _freeze_controller(arm: SawyerArm, holds: Holds) -> None:
    at = arm.processes["excitation"].signal(signal.SIGSTOP)
    _note_end_of_commands(arm, holds, at)
    arm.processes["excitation"].signal(signal.SIGCONT)


def _deactivate_controller(arm: SawyerArm, holds: Holds) -> None:
    at = time.time()
    arm.transition(Transition.TRANSITION_DEACTIVATE)
    _note_end_of_commands(arm, holds, at)
    arm.transition(Transition.TRANSITION_ACTIVATE)


def _note_end_of_commands(arm: SawyerArm, holds: Holds, at: float) -> None:
    time.sleep(WATCH_S)
    last = arm.commands.times(at - 1.0)[-1]
    if arm.was_active(last):
        arm.note_driver(holds, last)
        arm.note(holds, last)


def _kill_driver(arm: SawyerArm, holds: Holds) -> None:
    at = arm.processes.kill("sawyer_driver")
    time.sleep(WATCH_S)
    last = arm.sent.times(at - 1.0)[-1]
    if arm.was_active(last):
        arm.note(holds, last)
    arm.state.clear()
    arm.processes.start(DRIVER)


def _freeze_driver(arm: SawyerArm, holds: Holds) -> None:
    at = arm.processes["sawyer_driver"].signal(signal.SIGSTOP)
    time.sleep(FREEZE_S)
    thawed = arm.processes["sawyer_driver"].signal(signal.SIGCONT)
    time.sleep(WATCH_S)
    sent = arm.sent.times(at - 1.0)
    last = sent[sent < thawed][-1]
    if arm.was_active(last):
        arm.note(holds, last)


def _kill_robot(arm: SawyerArm, repetitions: int) -> list[Row]:
    """Kill the robot; the driver must end in a fault, and go on when the robot is back."""
    reaction, back = [], []
    for _ in range(repetitions):
        arm.make_active()
        at = arm.processes.kill("sawyer_emulator")
        until(partial(arm.driver_is, "fault"), FAULT_S)
        last = arm.joints.times(at - 1.0)[-1]
        reaction += [t - last for t, msg in arm.state.since(last) if msg.data == "fault"][:1]
        begin = time.time()
        arm.processes.start(ROBOT)
        require(partial(arm.joints.published_since, begin), "the robot")
        arm.make_active()
        back.append(time.time() - begin)
    measured = f"{spread(reaction, 'ms', 1e3)}, {len(reaction)} of {repetitions} in a fault"
    return [
        Row(
            "robot SIGKILLed: last joint state to the driver's fault",
            measured,
            f"every time; state_timeout {1e3 * STATE_TIMEOUT_S:g} ms and {1e3 * TRANSPORT_S:g} "
            "ms for cycle and transport, at the median",
            len(reaction) == repetitions
            and float(np.median(reaction)) <= STATE_TIMEOUT_S + TRANSPORT_S,
        ),
        Row(
            "robot started again, driver reset and enabled: the arm moves after",
            f"{spread(back, 's')}, {len(back)} of {repetitions}",
            "every time",
            len(back) == repetitions,
        ),
    ]


def _kill_onlookers(arm: SawyerArm, onlookers: Sequence[Process], repetitions: int) -> list[Row]:
    """Kill nodes that command nothing, one after the other: the arm goes on, or is held."""
    gaps: dict[str, list[float]] = {onlooker.name: [] for onlooker in onlookers}
    held = dict.fromkeys(gaps, 0)
    for _ in range(repetitions):
        for onlooker in onlookers:
            arm.bench.forget_diagnostics(onlooker.name)
            arm.processes.start(onlooker)
        require(
            lambda: all(map(arm.bench.is_active, gaps)),
            "onlookers that are active",
            ONLOOKERS_S,
        )
        for name in gaps:
            arm.make_active()
            at = arm.processes.kill(name)
            time.sleep(WATCH_S)
            between = np.diff(arm.commands.times(at - 0.05))
            if arm.driver_is("active") and len(between):
                gaps[name].append(float(between.max()))
            else:
                require(lambda: arm.mode.last().data == "position", "a robot that holds", 5.0)
                held[name] += 1
    return [
        Row(
            f"{name} SIGKILLed: the arm goes on, or is held",
            f"{len(gaps[name])} went on (longest gap of commands: "
            f"{spread(gaps[name], 'ms', 1e3)}), {held[name]} held",
            f"all {repetitions}",
            len(gaps[name]) + held[name] == repetitions,
        )
        for name in gaps
    ]
