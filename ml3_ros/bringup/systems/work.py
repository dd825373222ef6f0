# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""System sawyer_work: an arm at its work is touched and loaded while several models learn it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ml3_ros.bringup.description import Process
from ml3_ros.bringup.placeholders import Arg
from ml3_ros.bringup.systems.invdyn import SAWYER_INVDYN
from ml3_ros.bringup.systems.parts import RECIPE, with_defaults
from ml3_ros.bringup.systems.touch import FORCE, KEPT, LOAD, OBSERVER
from ml3_ros.bringup.systems.training import training_for

LEFT_OUT = ("record", "resume")
# it trains before its nodes start, not on the stream, and records always
TRAINS, RECORDS = ("loss", "train"), ("record", True)
CHANGED: Mapping[str, Mapping[str, Any]] = {
    "sim_arm": {
        "touch_force": Arg("force"),
        "touch_seed": Arg("seed"),
        "touch_after": 8.0,
        "touch_seconds": 50.0,
        "load": Arg("load"),
        "load_after": 30.0,
        "load_seconds": 86400.0,  # models are tested with it
    },
    "excitation": {"work_seconds": Arg("duration"), "piece_seconds": 10.0},
    "policy_optimizer": {
        "models": ["network", "physical"],
        "tell_payload": "learned",
        "shipped_losses": ["ml3_shaped", "ml3_adaptive"],
        "sgd_lr": 0.0,
        "steps_per_window": 2,  # two cores carry it all
        "resume": False,
    },
    "contact_observer": {"tell_payload": "learned", "update_period": 0.5},
    "conductor": {"record": True, "loss": "none"},
}


def _at_work(process: Process) -> Process:
    """Return a process of sawyer_invdyn as it is in this system."""
    parameters = {**process.parameters, **CHANGED.get(process.name, {})}
    if process.name == "conductor":
        sources = process.parameters.get("sources", ["sim_arm", "excitation"])
        parameters["sources"] = ["contact_observer", *sources]
    return replace(process, parameters=parameters)


SAWYER_WORK = replace(
    SAWYER_INVDYN,
    name="sawyer_work",
    shown="external_torque",
    before=training_for("robot"),
    help="a Sawyer works, is touched and takes up a load; models of it learn, and tell touches",
    own_arguments=(
        *with_defaults(
            (a for a in SAWYER_INVDYN.own_arguments if a.name not in LEFT_OUT),
            {"out": "out/sawyer_work"},
        ),
        RECIPE,
        FORCE,
        LOAD,
    ),
    processes=tuple(
        _at_work(process)
        for process in (OBSERVER, KEPT, *SAWYER_INVDYN.processes)
        if process.when not in (TRAINS, RECORDS)
    ),
)
