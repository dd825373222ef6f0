# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A group that a motion hides is named with the motion that shows it, and that motion does."""

from __future__ import annotations

import numpy as np

from ml3_ros.identification.confidence.base_fit import fit_base_parameters
from ml3_ros.identification.confidence.findings import check_groups, check_rank
from ml3_ros.identification.confidence.motions import (
    Candidate,
    candidate_motions,
    candidate_path,
)
from ml3_ros.identification.confidence.visibility import CURED, HIDDEN, cure, visibility
from ml3_ros.robots.control.trajectories import Excitation, ExcitationConfig

RATE = 30.0
T = np.arange(round(24.0 * RATE)) / RATE


def lively(model, seed=0):
    config = ExcitationConfig(frequency=(0.2, 0.8))
    return Excitation(model.limits, np.zeros(2), seed, config).at(T + 5.0)


def waves(*joints):
    """q, v, a of sines: (amplitude [rad], frequency [Hz], phase) a joint, several summed."""
    q, v, a = (np.zeros((len(T), len(joints))) for _ in range(3))
    for j, sines in enumerate(joints):
        for amplitude, frequency, phase in sines:
            omega = 2.0 * np.pi * frequency
            angle = omega * T + phase
            q[:, j] += amplitude * np.sin(angle)
            v[:, j] += amplitude * omega * np.cos(angle)
            a[:, j] -= amplitude * omega**2 * np.sin(angle)
    return q, v, a


def seen(model, rows):
    fit = fit_base_parameters(model, rows, model.rnea(rows.q, rows.v, rows.a))
    return fit, visibility(fit, rows, model)


def test_a_lively_motion_shows_every_group(model, measured):
    rows = measured(lively(model))
    fit, found = seen(model, rows)
    assert found.hidden == () and found.small == 0
    assert max(found.groups.values()) < HIDDEN
    assert set(found.groups) == {
        f"{kind} {joint}"
        for kind in ("moment", "inertia", "viscous", "coulomb", "offset")
        for joint in (1, 2)
    } | {"rotor 2"}
    finding = check_groups(fit, rows, model)
    assert finding.fine and "of 11 groups of parameters are known to 30 %" in finding.text


def test_a_hidden_group_is_shown_by_the_motion_that_its_sentence_names(model, measured):
    """Both joints creep: inertia is far below friction."""
    path = waves([(0.9, 0.05, 0.0), (0.3, 0.09, 1.0)], [(0.9, 0.07, 0.5), (0.4, 0.1, 0.0)])
    rows = measured(path)
    fit, found = seen(model, rows)
    hidden = {one.parameter.group: one for one in found.hidden}
    inertia = hidden[("inertia", 1)]
    assert inertia.known > HIDDEN and inertia.after <= CURED
    assert inertia.motion.kind == "fast"
    sentence = cure(inertia, rows, model.limits.units)
    assert sentence.startswith("the inertia of link 2 about y does not show in this motion")
    moved = inertia.motion.joint
    assert f"move joint {moved + 1} ({rows.joint_names[moved]}) to and fro faster" in sentence
    assert not check_groups(fit, rows, model).fine

    pose = np.median(rows.q, axis=0)
    more = candidate_path(inertia.motion, model, pose)
    dense = tuple(np.repeat(x, round(RATE / 10.0), axis=0) for x in more)
    longer = measured(
        tuple(np.concatenate([old, new]) for old, new in zip(path, dense, strict=True))
    )
    again, _ = seen(model, longer)
    k = fit.base.parameters.index(inertia.parameter)
    # the recording's friction is another now, and the errors are others
    assert again.relative[k] < 2.0 * inertia.after


def test_a_bend_is_named_where_it_matters(model):
    """Candidates move one joint; those with a bend stay within the position limits."""
    pose = np.array([0.0, 1.5])
    candidates = list(candidate_motions(model.limits, pose))
    assert Candidate(joint=0, kind="fast") in candidates
    bends = {one.angle for one in candidates if one.bent == 1}
    assert bends == {1.5 - np.pi / 2.0}  # the other way is beyond 2.5 rad
    for one in candidates:
        q, v, a = candidate_path(one, model, pose)
        assert (q >= model.limits.lower).all() and (q <= model.limits.upper).all()
        assert (np.abs(v) <= model.limits.velocity).all()
        assert (np.abs(model.rnea(q, v, a)) <= model.limits.effort).all()
        still = [j for j in range(2) if j != one.joint]
        assert np.ptp(q[:, still], axis=0).max() == 0.0
        if one.bent is not None:
            assert (q[:, one.bent] == one.angle).all()


def test_parameters_that_no_motion_shows_are_counted_only(model, measured, rows_of):
    """Under errors a hundred times larger the elbow's inertia cannot show in any motion."""
    rows = measured(lively(model))
    noise = 30.0 * np.random.default_rng(0).normal(size=rows.tau.shape)
    fit, found = seen(model, rows_of((rows.q, rows.v, rows.a), rows.tau + noise))
    assert found.small > 0
    assert "inertia" not in {one.parameter.kind for one in found.hidden}
    assert found.groups["inertia 2"] > HIDDEN
    assert "too small to show in any motion" in check_groups(fit, rows, model).text


def test_joints_in_step_cannot_be_told_apart(model, measured):
    one = [(0.8, 0.4, 0.0), (0.4, 0.17, 1.0)]
    tiny = [(1e-3, 0.31, 0.3)]
    finding = check_rank(seen(model, measured(waves(one, one + tiny)))[0])
    good = check_rank(seen(model, measured(lively(model)))[0])
    assert good.fine and "directions of the base parameters show" in good.text
    assert not finding.fine
    assert "cannot be told apart in this motion: move joints 1 to 2 independently" in finding.text


def test_a_joint_that_rests_has_no_part_in_the_motion(model, measured):
    path = waves([(0.8, 0.4, 0.0), (0.4, 0.17, 1.0)], [])
    finding = check_rank(seen(model, measured(path))[0])
    assert not finding.fine
    assert "the viscous friction of joint 2" in finding.problems[0]
    assert "have no part in this motion: move the joint" in finding.problems[0]
