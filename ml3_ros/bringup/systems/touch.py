# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""System sawyer_touch: people touch and load an arm that tracks by what it learns meanwhile."""

from __future__ import annotations

from dataclasses import replace

from ml3_ros.bringup.arguments import Argument
from ml3_ros.bringup.description import Process
from ml3_ros.bringup.placeholders import Arg, ModelOf
from ml3_ros.bringup.systems.invdyn import RECORDER
from ml3_ros.bringup.systems.parts import with_defaults
from ml3_ros.bringup.systems.track import SAWYER_TRACK

FORCE = Argument(
    name="force",
    default=40.0,
    help="largest force of the simulated people who lead the arm, lean on it and let go [N]",
    limits=(0.0, 200.0),
)
LOAD = Argument(
    name="load",
    default=2.0,
    help="simulated payload that is hung on after 30 s, and taken off 30 s later [kg]",
    limits=(0.0, 20.0),
)
OBSERVER = Process(
    name="contact_observer",
    executable="contact_observer",
    parameters={"robot": ModelOf("robot"), "tell_payload": "rule", "update_period": 0.25},
)

KEPT = replace(RECORDER, when=None)  # what is told, and what simulated hands do, for the report


def _touched(process: Process) -> Process:
    """Return a process of sawyer_track as it is in this system."""
    parameters = dict(process.parameters)
    if process.name == "sim_arm":
        parameters |= {"touch_force": Arg("force"), "touch_seed": Arg("seed"), "load": Arg("load")}
    elif process.name == "tracking_controller":
        names = list(parameters["feedforwards"])
        after = names.index("rigid_body") + 1
        parameters["feedforwards"] = [*names[:after], "physical_live", *names[after:]]
    elif process.name == "conductor":
        arm, *rest = parameters["sources"]
        parameters |= {"sources": [arm, "contact_observer", *rest], "record": True}
    return replace(process, parameters=parameters)


SAWYER_TOUCH = replace(
    SAWYER_TRACK,
    name="sawyer_touch",
    shown="external_torque",
    help="people touch and load an arm that tracks by what it learns; external_torque tells it",
    own_arguments=(
        *with_defaults(SAWYER_TRACK.own_arguments, {"out": "out/sawyer_touch"}),
        FORCE,
        LOAD,
    ),
    processes=(OBSERVER, KEPT, *(_touched(process) for process in SAWYER_TRACK.processes)),
)
