# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""`ml3 up sawyer_work` for real: an arm is touched at its work, and the report shows by whom."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.system

WORDS = (
    "robot:=reacher",
    "force:=1",
    "load:=0.05",
    "duration:=10",
    "hold_out:=4",
    "sim_arm.touch_after:=4.0",
    "sim_arm.load_after:=6.0",
    "sim_arm.real_time_factor:=2.0",
)


def test_a_touched_arm_is_learned_and_touches_are_shown_beside_the_truth(up, gone, tmp_path):
    run = up("sawyer_work", *WORDS, f"out:={tmp_path}")
    run.expect("policy_optimizer adapts")
    pids = run.nodes()
    assert set(pids) == {
        "contact_observer",
        "sim_arm",
        "excitation",
        "policy_optimizer",
        "recorder",
        "conductor",
    }
    assert run.end() == 0, run.output
    gone(list(pids.values()))
    assert "NMSE of the arm's own torque, without the hands" in run.output
    headline = json.loads((tmp_path / "metrics.json").read_text())["headline"]
    assert {"physical_model/own/held out", "told_rms_error"} <= set(headline)
    assert (tmp_path / "touched_live.png").stat().st_size > 10_000
