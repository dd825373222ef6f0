# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""An arm that stands still and is pushed: the pushes are marked, and every file is written."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import yaml

from ml3_ros.cli.main import main
from ml3_ros.identification.prepared import prepared
from ml3_ros.identification.robust.irls import RobustConfig
from ml3_ros.identification.split import SplitConfig
from ml3_ros.reports.identification.written.controllers import crisp_parameters

PUSHES = ((4.0, 6.0), (9.5, 11.0), (16.0, 18.5))  # [s]
FORCES = ((6.0, 3.0), (-5.0, 0.0), (4.0, -4.0))  # torque on both joints [N m]


@pytest.fixture(scope="module")
def still(recording, model):
    """The recording of an arm that holds a pose, with three pushes that hardly move it."""
    rng = np.random.default_rng(0)
    t = recording.t
    push = np.zeros_like(recording.q)
    for (begin, end), force in zip(PUSHES, FORCES, strict=True):
        inside = (t > begin) & (t < end)
        push[inside] = np.sin(np.pi * (t[inside] - begin) / (end - begin))[:, None] * force
    q = np.round(np.array([0.5, -0.8]) - 3e-5 * push, 4)  # as an encoder shows it
    v = np.gradient(q, t, axis=0) + 1e-5 * rng.normal(size=q.shape)
    tau = model.rnea(q, v, np.zeros_like(v)) + push + 0.02 * rng.normal(size=q.shape)
    return replace(recording, q=q, v=v, tau=tau)


def test_pushes_on_an_arm_at_rest_are_marked(still, model):
    """Rest is its own twin, so little of it is learned from; what is marked rests on all of it."""
    data, findings = prepared(still, model, SplitConfig(), RobustConfig())
    rows = data.rows
    contact = findings[-1]
    assert contact.topic == "contact" and not contact.fine
    pushed = np.any([(rows.t > a + 0.4) & (rows.t < b - 0.4) for a, b in PUSHES], axis=0)
    assert (~rows.untouched)[pushed].mean() > 0.9
    resting = ~np.any([(rows.t > a - 1.0) & (rows.t < b + 1.0) for a, b in PUSHES], axis=0)
    assert (~rows.untouched)[resting].mean() < 0.1


def test_identify_goes_through_and_compensates_no_friction(still, urdf, tmp_path, save_bag):
    bag, out = save_bag(tmp_path / "bag", still), tmp_path / "out"
    with np.errstate(invalid="raise"):
        words = ["identify", "--bag", str(bag), "--urdf", str(urdf), "--out", str(out)]
        assert main(words) == 0
    assert "nan" not in (out / "report.html").read_text().partition("base64")[0]
    text = (out / "written" / "crisp_friction.yaml").read_text()
    friction = yaml.safe_load(text)["/**"]["ros__parameters"]["friction"]
    assert friction["fp1"] == [0.0, 0.0]


def test_a_joint_that_hardly_moved_gets_no_friction():
    t = np.arange(400) / 100.0
    v = np.stack([np.sin(t), 0.01 * np.sin(t)], axis=-1)
    found = crisp_parameters(v, 2.0 * np.tanh(20.0 * v))
    assert found[0, 0] == pytest.approx(4.0, rel=0.1) and found[1].tolist() == [0.0, 1.0, 0.0]
