# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Arms behind ros2_control in a system: `robot:=ros2_control`, or an emulated one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ml3_ros.bringup.arguments import Argument
from ml3_ros.bringup.description import Process, System
from ml3_ros.bringup.placeholders import BRIDGED, Arg, ModelOf
from ml3_ros.bringup.systems.arm_file import with_rotors
from ml3_ros.bringup.systems.parts import REAL

PRESET = Argument(
    name="preset",
    default="generic",
    help="kind of driver of robot:=ros2_control: who adds gravity torques, what efforts are",
    choices=("ur", "franka", "gazebo", "generic"),
)
URDF = Argument(
    name="urdf", default="", help="the arm of robot:=ros2_control: path of its URDF or MJCF"
)
CONTROLLER = Argument(
    name="controller",
    default="",
    help="its controller that takes efforts; empty: the usual one of the preset",
)
ARMATURE = Argument(
    name="armature",
    default=0.1,
    help="inertia of each joint's rotor, seen through its gear, of an emulated arm whose URDF "
    "leaves it out, as most do; a real one's belongs into its URDF [kg m^2]",
    limits=(0.0, 10.0),
)
REAL_ARM, EMULATED_ARM = BRIDGED
BRIDGE, EMULATOR, DRIVER = "effort_bridge", "ros2_control_emulator", "sawyer_driver"
# what the bridge publishes is what nodes of the system read
STATES = (("joint_states", f"{BRIDGE}/joint_states"),)
ARM: dict[str, Any] = {"robot": ModelOf("robot"), "preset": Arg("preset")}
# Nodes in Python on a machine that is busy learning are late now and then; no arm is at risk.
PATIENCE = {"patience": 0.8, "command_timeout": 1.0}
PATIENT = {"enabled": True, "state_timeout": 1.0, "held_up": 2.0, **PATIENCE}
# Heavier arms stick for longer than a Sawyer before their excitation breaks them loose. With a
# real one it begins as carefully as with a real Sawyer.
FIRMER = {"gain": 0.2, "lost_error": 0.3}

EMULATOR_PROCESS = Process(
    name=EMULATOR,
    executable=EMULATOR,
    parameters={
        **ARM,
        "effort_controller": Arg("controller"),
        "seed": Arg("seed"),
        **PATIENCE,
    },
    when=("robot", EMULATED_ARM),
)
BRIDGE_PROCESS = Process(
    name=BRIDGE,
    executable=BRIDGE,
    parameters={**ARM, "controller": Arg("controller")},
    when=("robot", REAL_ARM),
)
EMULATED_BRIDGE = replace(
    BRIDGE_PROCESS,
    parameters={**BRIDGE_PROCESS.parameters, **PATIENT},
    when=("robot", EMULATED_ARM),
)


def with_ros2_control(system: System) -> System:
    """Return a system of a real or simulated Sawyer that also takes arms behind ros2_control.

    What such an arm needs beside the bridge is what a real Sawyer does.
    """
    processes: list[Process] = [EMULATOR_PROCESS, BRIDGE_PROCESS, EMULATED_BRIDGE]
    for process in system.processes:
        if process.unless == REAL:
            processes.append(replace(process, unless=(*REAL, *BRIDGED)))
        elif process.when == REAL and process.name != DRIVER:
            processes.append(process)
            processes += [_of_bridge(process, robot) for robot in BRIDGED]
        else:
            processes.append(_remapped(process))
    return replace(
        system,
        own_arguments=(*system.own_arguments, PRESET, URDF, CONTROLLER, ARMATURE),
        complete=lambda values: with_rotors(system.complete(values)),
        processes=tuple(processes),
    )


def _of_bridge(process: Process, robot: str) -> Process:
    """Return a process for a real Sawyer as it is for another arm."""
    parameters = dict(process.parameters)
    if "sources" in parameters:
        arm = [BRIDGE] if robot == REAL_ARM else [EMULATOR, BRIDGE]
        rest = [name for name in parameters["sources"] if name != DRIVER]
        parameters["sources"] = [*arm, *rest]
    if process.executable == "excitation" and robot == EMULATED_ARM:
        parameters |= FIRMER
    return replace(_remapped(process), parameters=parameters, when=("robot", robot))


def _remapped(process: Process) -> Process:
    return replace(process, renamed=(("robot", *BRIDGED), STATES))
