# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""`ml3 up sawyer_track` for real: an arm tracks better by torques that it learns meanwhile."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sensor_msgs.msg import JointState

from ml3_msgs.msg import Adaptation, LearnedModel, Tracking
from ml3_ros.data.laps_file import load_laps
from ml3_ros.nodes.kit.qos import LATCHED_1, RELIABLE_100, SENSOR_1

pytestmark = pytest.mark.system

WORDS = (
    "robot:=reacher",
    "lap:=2",
    "duration:=10",
    "hold_out:=14",
    "tracking_controller.settle:=0.8",
    "tracking_controller.feedforward_fade:=0.5",
    "tracking_controller.model_timeout:=60.0",  # a busy machine learns late, and is none the worse
)


ORDER = ["feedback_only", "rigid_body", "ml3_shaped", "sgd_tuned", "adam_tuned"]
LEARNED = ORDER[2:]


def test_learned_torques_track_better_than_feedback_and_than_the_arm_as_described(
    up, gone, viewer, tmp_path
):
    seen = viewer(
        joint_command=(JointState, SENSOR_1),
        learned_model=(LearnedModel, LATCHED_1),
        tracking=(Tracking, RELIABLE_100),
        adaptation__sgd_tuned=(Adaptation, RELIABLE_100),
    )
    # a machine that stalls spoils laps and learns late: it gets an arm that is slower
    for factor in (2.0, 0.7, 0.25):
        out = tmp_path / str(factor)
        laps = tracked(up, gone, f"sim_arm.real_time_factor:={factor}", out)
        assert [lap.feedforward for lap in laps] == [ORDER[i % 5] for i in range(len(laps))]
        best = {name: np.inf for name in ORDER}
        for lap in laps:
            best[lap.feedforward] = min(best[lap.feedforward], float(np.mean(lap.rms)))
        learned = sorted(best[name] for name in LEARNED)
        if learned[1] < best["rigid_body"] < best["feedback_only"]:
            break
    else:
        pytest.fail(
            f"mean error of the best lap [rad]: {best}; updates {[k.update for k in laps]}"
        )
    metrics = json.loads((out / "metrics.json").read_text())
    assert set(metrics["laps"]) == set(ORDER)
    seen.until_all("joint_command", "learned_model", "tracking", "adaptation/sgd_tuned")
    assert {msg.header.frame_id for msg in seen.newest.values()} == {"base"}


def tracked(up, gone, factor, out):
    """Return the laps of one run, all of whose processes have ended."""
    run = up("sawyer_track", *WORDS, factor, f"out:={out}")
    run.expect("policy_optimizer adapts")
    pids = run.nodes()
    assert set(pids) == {"sim_arm", "tracking_controller", "policy_optimizer", "conductor"}
    assert run.end() == 0, run.output
    gone(list(pids.values()))
    assert "RMS tracking error of a lap [mrad]" in run.output
    assert (out / "tracking_live.png").exists()
    return load_laps(out)[1]
