# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Each check is silent on a good recording and names what is wrong with a bad one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from ml3_ros.data.recording import RecordingChecks
from ml3_ros.identification.checks import check_recording
from ml3_ros.identification.diagnosis.effort import check_effort, effort_gains

RAD = ("rad", "rad")


@pytest.fixture
def findings(data, rows, model):
    """Check a recording: -> {topic: finding}."""

    def check(recording):
        keep = np.isin(np.round(rows.t, 6), np.round(recording.t, 6))
        at = np.searchsorted(recording.t, rows.t[keep] - 1e-9)
        tau, v = recording.tau[at], recording.v[at]
        gains = effort_gains(tau, v, rows.a[keep], data.tau_rbd[keep])
        found = check_recording(recording, rows.t[keep], data.tau_rbd[keep], RAD)
        found.append(check_effort(recording, gains))
        return {finding.topic: finding for finding in found}

    return check


def late(x, samples):
    """Delay the rows of x."""
    return np.concatenate([np.repeat(x[:1], samples, axis=0), x[:-samples]])


def test_a_good_recording_is_fine(recording, findings):
    found = findings(recording)
    known = {"messages", "rate", "gaps", "velocity", "effort", "smoothing", "excitation"}
    assert set(found) == known
    # the second joint's effort is scaled on purpose, see conftest
    fine = findings(replace(recording, tau=recording.tau / [1.0, 2.5]))
    assert [f.text for f in fine.values() if not f.fine] == []
    assert "100.0 Hz" in fine["rate"].text
    assert "N m, or scaled to it" in fine["effort"].text


def only(recording, keep):
    return replace(
        recording, **{name: getattr(recording, name)[keep] for name in ("t", "q", "v", "tau")}
    )


SPIKES = "8 spikes in the effort of elbow, up to 60 at 1.00 s, left out"
BAD = {
    "rate: slow": ("rate", "slower than 50 Hz", lambda r: only(r, slice(None, None, 4))),
    "rate: uneven": (
        "rate",
        "steps are uneven",
        lambda r: replace(r, t=r.t + 0.002 * (np.arange(len(r.t)) % 2)),
    ),
    "gaps": ("gaps", "1 gaps, 1.0", lambda r: only(r, (r.t < 9.0) | (r.t > 10.0))),
    "gaps: left out": (
        "gaps",
        "50 messages cannot be used",
        lambda r: replace(r, checks=RecordingChecks(messages=2400, not_finite=50)),
    ),
    "messages": (
        "messages",
        "8 spikes in the effort of elbow",
        lambda r: replace(
            r, checks=RecordingChecks(messages=9, notes=(SPIKES,), problems=(SPIKES,))
        ),
    ),
    "velocity: another joint's": (
        "velocity",
        "shoulder: velocity is not the derivative",
        lambda r: replace(r, v=r.v[:, ::-1]),
    ),
    "velocity: degrees": (
        "velocity",
        "times d position/dt: one of them is in degrees",
        lambda r: replace(r, v=r.v * [57.29578, 1.0]),
    ),
    "velocity: scaled": ("velocity", "see the driver's units", lambda r: replace(r, v=1.2 * r.v)),
    "velocity: late": (
        "velocity",
        "shoulder: velocity is 50 ms behind position",
        lambda r: replace(r, v=late(r.v, 5)),
    ),
    "velocity: early": (
        "velocity",
        "elbow: velocity is 50 ms ahead of position",
        lambda r: replace(r, q=late(r.q, 5)),
    ),
    "effort: unit": ("effort", "elbow: not in N m (motor current?)", lambda r: r),
    "effort: constant": (
        "effort",
        "elbow: effort never changes",
        lambda r: replace(r, tau=r.tau * [1.0, 0.0]),
    ),
    "effort: coarse": (
        "effort",
        "it is quantised coarsely",
        lambda r: replace(r, tau=np.round(r.tau / 4.0) * 4.0),
    ),
    "effort: hidden": (
        "effort",
        "unit is unknown",
        lambda r: replace(r, tau=np.sign(r.v) + 0.01 * np.cos(r.q)),
    ),
    "smoothing": (
        "smoothing",
        "efforts were low-pass filtered",
        lambda r: replace(r, tau=gaussian_filter1d(r.tau, 15, axis=0)),
    ),
    "excitation: way": (
        "excitation",
        "elbow: moves 0.0",
        lambda r: replace(r, q=r.q * [1.0, 0.01], v=r.v * [1.0, 0.01]),
    ),
    "excitation: turns": (
        "excitation",
        "turns round 0 times only",
        lambda r: replace(r, q=np.cumsum(np.abs(r.v), axis=0) * 0.01, v=np.abs(r.v)),
    ),
    "excitation: rest": (
        "excitation",
        "of the time: keep it moving",
        lambda r: replace(r, v=r.v * ((r.t % 2.0) < 0.7)[:, None]),
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_the_check_of_a_bad_recording_names_what_is_wrong(name, recording, findings):
    topic, sentence, spoil = BAD[name]
    found = findings(spoil(recording))[topic]
    assert sentence in found.text
    unit_unknown = name == "effort: hidden"  # nothing is wrong with that, it is only not known
    assert found.fine == unit_unknown


def test_columns_that_go_together_are_named(recording, rows, data):
    """A torque that is the velocity's: gain and viscous friction look alike."""
    found = check_recording(recording, rows.t, 3.0 * rows.v + 1e-3 * data.tau_rbd, RAD)[-1]
    assert found.topic == "excitation" and not found.fine
    assert "go together (condition" in found.text


def test_jitter_alone_raises_no_doubt_of_velocities_or_gaps(recording, findings):
    rng = np.random.default_rng(0)
    t = recording.t + 0.002 * rng.uniform(-1.0, 1.0, len(recording.t))
    found = findings(replace(recording, t=t))
    assert not found["rate"].fine
    assert "steps are uneven" in found["rate"].text
    assert "0 gaps, 0.00 s missing" in found["gaps"].text
    assert found["velocity"].fine, found["velocity"].text


def test_joints_that_slide_are_told_in_metres(recording, rows, data):
    still = replace(recording, q=0.1 * recording.q)
    found = check_recording(still, rows.t, data.tau_rbd, ("rad", "m"))[-1]
    assert any("rad only: let it sweep" in words for words in found.problems) or found.fine
    found = check_recording(replace(recording, q=0.01 * recording.q), rows.t, data.tau_rbd, "mm")
    assert "m only: let it sweep its range" in found[-1].text and " rad" not in found[-1].text
