# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Kills and stops around an arm behind ros2_control: whichever process ends, efforts end."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState

from faults.rig.recoveries import spread
from faults.rig.result import Finding, Row, rows_of
from faults.rig.rig import START_S, Rig
from faults.rig.waiting import require
from faults.scenes.bridged_arm import BRIDGE, CONTROLLER, NICE, ROBOT, BridgedArm

WATCH_S = 1.5  # how long efforts are recorded after a fault
COMMAND_TIMEOUT_S, STATE_TIMEOUT_S = 0.05, 0.03  # defaults of the bridge


def bench(folder: Path, quick: bool) -> Finding:
    """Measure how soon efforts end after each fault."""
    repetitions = 2 if quick else 4
    finding = Finding(
        title="Efforts for an arm behind ros2_control end",
        method=(
            "Emulated UR-like arm (a Sawyer's model, preset `ur`, controllers at 500 Hz, joint "
            "states at 250 Hz), effort_bridge at its defaults (250 Hz, command_timeout "
            f"{COMMAND_TIMEOUT_S:g} s, state_timeout {STATE_TIMEOUT_S:g} s), excitation at 100 "
            f"Hz; {repetitions} repetitions each, at random moments of a moving arm. The emulated "
            "controller has a watchdog of 0.1 s: a forward_command_controller alone has none, and "
            "behind it nothing ends the efforts of a bridge that was killed."
        ),
    )
    with Rig(folder, nice=NICE) as rig:
        arm = BridgedArm(rig, np.random.default_rng(0))
        for process in (ROBOT, BRIDGE, CONTROLLER):
            rig.processes.start(process)
        require(lambda: rig.bench.is_active(BRIDGE.name), "a bridge that has started", START_S)
        ends = {
            "controller SIGKILLed": _kill_controller,
            "controller SIGSTOPped": _freeze_controller,
            "bridge deactivated": _deactivate_bridge,
            "robot SIGKILLed": _kill_robot,
        }
        finding.rows.extend(
            rows_of(
                *(partial(_ends, arm, name, end, repetitions) for name, end in ends.items()),
                lambda: [_kill_bridge(arm, repetitions)],
            )
        )
        finding.rows.append(
            Row("faults of the bridge that nobody made, all repetitions", str(arm.interruptions))
        )
    return finding


def _ends(
    arm: BridgedArm, name: str, end: Callable[[BridgedArm], float], repetitions: int
) -> list[Row]:
    """Repeat a fault; `end` makes it and returns when [s]."""
    damped, silent = [], 0
    for _ in range(repetitions):
        arm.make_active()
        at = end(arm)
        time.sleep(WATCH_S)
        zeros = arm.first_zero(at)
        damped += [zeros - at] if zeros is not None else []
        silent += arm.is_silent()
        arm.restore()
    return [
        Row(f"{name}: to the first zeros", spread(damped, "ms", 1e3)),
        Row(
            f"{name}: zeros, then silence",
            f"{len(damped)} and {silent} of {repetitions}",
            "every time",
            len(damped) == silent == repetitions,
        ),
    ]


def _kill_controller(arm: BridgedArm) -> float:
    return arm.processes.kill(CONTROLLER.name)


def _freeze_controller(arm: BridgedArm) -> float:
    return arm.processes[CONTROLLER.name].signal(signal.SIGSTOP)


def _deactivate_bridge(arm: BridgedArm) -> float:
    at = time.time()
    change = Transition(id=Transition.TRANSITION_DEACTIVATE)
    arm.bench.request(ChangeState, f"{BRIDGE.name}/change_state", transition=change)
    return at


def _kill_robot(arm: BridgedArm) -> float:
    return arm.processes.kill(ROBOT.name)


def _kill_bridge(arm: BridgedArm, repetitions: int) -> Row:
    """Kill the bridge; the robot's own watchdog ends its efforts, and none come before enable."""
    good = 0
    for _ in range(repetitions):
        arm.make_active()
        at = arm.processes.kill(BRIDGE.name)
        arm.bench.forget_diagnostics(BRIDGE.name)
        arm.processes.start(BRIDGE)
        require(lambda: arm.bench.is_active(BRIDGE.name), "the bridge again", START_S)
        time.sleep(WATCH_S)
        good += not arm.sent.published_since(at + 0.1) and arm.is_idle()
    return Row(
        "bridge SIGKILLed and started again: the robot's watchdog ends its efforts, and none come "
        "before an operator enables it",
        f"{good} of {repetitions}",
        "every time",
        good == repetitions,
    )
