# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""`ml3 up sawyer_touch` for real: what people do to the arm is told while it tracks."""

from __future__ import annotations

import pytest

# a run at work, also beside the observer, and one that tracks untouched are in the default suite
pytestmark = [pytest.mark.system, pytest.mark.slow]

WORDS = (
    "robot:=reacher",
    "force:=1",
    "load:=0",
    "lap:=2",
    "duration:=8",
    "hold_out:=6",
    "sim_arm.touch_after:=2.0",
    "sim_arm.real_time_factor:=2.0",
    "tracking_controller.settle:=0.8",
    "tracking_controller.feedforward_fade:=0.5",
)


def test_a_touched_arm_tracks_beside_its_observer(up, gone, tmp_path):
    run = up("sawyer_touch", *WORDS, f"out:={tmp_path}")
    run.expect("policy_optimizer adapts")
    pids = run.nodes()
    assert set(pids) == {
        "contact_observer",
        "sim_arm",
        "tracking_controller",
        "policy_optimizer",
        "recorder",
        "conductor",
    }
    assert run.end() == 0, run.output
    gone(list(pids.values()))
    assert "RMS tracking error of a lap [mrad]" in run.output
    assert "external_torque" in run.output
    assert (tmp_path / "touched_live.png").stat().st_size > 10_000
