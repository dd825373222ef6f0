# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""SIGKILL of every node at random times: it goes on where it was, and what is lost is counted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from sensor_msgs.msg import JointState

from faults.kills.conductor import kill_conductor
from faults.kills.meta_learner import kill_meta_learner
from faults.kills.policy_optimizer import kill_policy_optimizer
from faults.kills.recorder import kill_recorder
from faults.kills.sources import kill_bag_player, kill_sources, kill_tracking_controller
from faults.rig.result import Finding, rows_of
from faults.rig.rig import Rig
from ml3_msgs.msg import InertiaPrior
from ml3_ros.bringup.description import Process
from ml3_ros.bringup.systems.invdyn import SAWYER_INVDYN

# What a person waits minutes for takes seconds here, so that recoveries hit it.
FASTER = {
    "meta_learner": {
        "record_seconds": 6.0,
        "segment_seconds": 2.0,
        "iterations": 100,
        "checkpoint_period": 0.3,
    },
    "policy_optimizer": {"checkpoint_period": 0.5, "steps_per_window": 1},
}


def bench(folder: Path, quick: bool) -> Finding:
    """Kill every node again and again, start it again, and compare what is there."""
    count, rng = (2 if quick else 20), np.random.default_rng(0)
    with Rig(folder, nice={}) as rig:
        bench, processes, nodes = rig.bench, rig.processes, _nodes(folder / "out")
        for name in ("sim_arm", "excitation", "rigid_body_prior", "recorder", "meta_learner"):
            processes.start(nodes[name])
        states = bench.record(JointState, "joint_states")
        commands = bench.record(JointState, "joint_command")
        sources = {
            "sim_arm": (states, commands),
            "excitation": (commands,),
            "rigid_body_prior": (bench.record(InertiaPrior, "inertia_prior"),),
        }
        given = (processes, count, rng)
        rows = rows_of(
            lambda: kill_sources(*given, nodes, sources),
            lambda: kill_recorder(*given, nodes["recorder"], states),
            lambda: kill_meta_learner(*given, nodes["meta_learner"], bench),
            lambda: kill_policy_optimizer(*given, nodes["policy_optimizer"], bench),
            lambda: kill_tracking_controller(*given, commands),
            lambda: kill_bag_player(*given, bench),
            lambda: kill_conductor(*given),
        )
    return Finding(
        title="Killed nodes go on",
        method=(
            "The nodes of `sawyer_invdyn` with loss:=train, record:=true and resume:=true, each "
            f"SIGKILLed {count} times at random (seeded) times and started again with the same "
            "command line, while the others go on. Half of the kills of the two learners hit the "
            "writing of a checkpoint. tracking_controller takes the place of excitation. Times "
            "are from the kill to the first message of the new process that goes beyond what was "
            "before; Python's own start is most of it. The conductor is killed under "
            "`ml3 up reacher_invdyn`, which then ends all nodes and is started again."
        ),
        rows=rows,
    )


def _nodes(out: Path) -> dict[str, Process]:
    """Return the nodes of the system, which configure and activate themselves."""
    given = {"loss": "train", "record": "true", "resume": "true", "out": str(out)}
    values = SAWYER_INVDYN.resolve(given | {"duration": "86400"})
    return {
        process.name: replace(
            process,
            parameters={**process.parameters, "autostart": True, **FASTER.get(process.name, {})},
        )
        for process in SAWYER_INVDYN.started(values)
        if process.name != "conductor"
    }
