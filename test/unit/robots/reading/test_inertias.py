# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Inertias that no body can have: mended where they are nearly right, and rejected otherwise."""

from __future__ import annotations

import numpy as np
import pytest

from ml3_ros.errors import RobotError
from ml3_ros.robots.mujoco_arm import MujocoArm
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_urdf
from test.unit.robots.reading.files import chain


def two_links(moments, mass="2"):
    xx, yy, zz = moments
    inertial = f"""<inertial><origin xyz="0 0 .1"/><mass value="{mass}"/>
<inertia ixx="{xx}" iyy="{yy}" izz="{zz}" ixy="0" ixz="0" iyz="0"/></inertial>"""
    return chain(("a", {}), ("b", {"axis": "0 0 1"}), inertial=inertial)


def test_a_triangle_that_is_broken_a_little_is_closed_and_said():
    arm = load_urdf(two_links((0.01, 0.02, 0.032)), "t.urdf")
    notes = [note for note in arm.notes if "of no body" in note]
    assert [name for name in ("'a'", "'b'") if any(name in note for note in notes)] == [
        "'a'",
        "'b'",
    ]
    assert "0.01, 0.02, 0.032" in notes[0]
    found = np.linalg.eigvalsh(np.array(arm.model.inertias[2].inertia))
    assert found[0] + found[1] >= found[2] * (1.0 - 1e-12)
    np.testing.assert_allclose(found, (0.01, 0.02, 0.032), atol=0.0021)
    moves, knows = MujocoArm(arm), PinocchioModel(arm)  # both engines have the mended one
    q, v, a = np.random.default_rng(0).normal(size=(3, 2))
    np.testing.assert_allclose(moves.rnea(q, v, a), knows.rnea(q, v, a), atol=1e-9)


def test_a_compiler_for_mujoco_in_a_urdf_changes_nothing_of_that():
    text = two_links((0.01, 0.02, 0.032))
    cure = '<mujoco><compiler balanceinertia="true"/></mujoco></robot>'
    plain, balanced = load_urdf(text), load_urdf(text.replace("</robot>", cure))
    assert balanced.notes == plain.notes
    np.testing.assert_array_equal(
        np.array(balanced.model.inertias[2].inertia), np.array(plain.model.inertias[2].inertia)
    )


def test_identification_takes_it_as_it_is():
    arm = load_urdf(two_links((0.01, 0.02, 0.032)), simulated=False)
    assert not arm.notes
    expected = np.diag((0.01, 0.02, 0.032))
    np.testing.assert_allclose(np.array(arm.model.inertias[2].inertia), expected, atol=1e-12)


def test_what_every_body_can_have_stays_to_the_last_digit():
    arm = load_urdf(two_links((0.01, 0.02, 0.03)))  # a plate: exactly at the edge
    assert not arm.notes
    expected = np.diag((0.01, 0.02, 0.03))
    np.testing.assert_allclose(np.array(arm.model.inertias[2].inertia), expected, atol=1e-16)
    MujocoArm(arm)
    MujocoArm(load_urdf(two_links((0.0, 0.01, 0.01))))  # a rod
    MujocoArm(load_urdf(chain(("a", {}), inertial=two_links((0.0, 0.0, 0.0)).split("l0\">")[1]
                              .split("</link>")[0])))  # a point on a lever  # fmt: skip


@pytest.mark.parametrize(
    ("moments", "mass", "sentence"),
    [
        ((0.01, 0.02, 0.03), "0", "'a' moves nothing that has mass"),
        (
            (-0.02, 0.02, 0.02),
            "2",
            r"'a' of t.urdf moves: its principal moments are -0.02, 0.02, ",
        ),
        ((0.01, 0.01, 0.01), "-2", "'a' moves nothing that has mass"),
    ],
)
def test_negative_moments_and_masses_are_rejected(moments, mass, sentence):
    with pytest.raises(RobotError, match=sentence):
        load_urdf(two_links(moments, mass), "t.urdf")


def test_a_negative_mass_that_a_heavier_link_hides_is_rejected():
    text = two_links((0.01, 0.01, 0.01)).replace('<mass value="2"/>', '<mass value="-1"/>', 2)
    text = text.replace('<mass value="-1"/>', '<mass value="9"/>', 1)
    with pytest.raises(RobotError, match=r"joint 'a' of t\.urdf moves has the mass -1 kg"):
        load_urdf(text, "t.urdf")
