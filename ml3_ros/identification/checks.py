# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Checks of a recording before anything is learned from it: rate, gaps, signals, excitation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import savgol_filter, welch

from ml3_ros.data.filters import uneven_acceleration
from ml3_ros.data.recording import JointRecording
from ml3_ros.identification.models.friction_fit import friction_features
from ml3_ros.identification.split import gap_free_parts

Array = NDArray[np.float64]
SLOWEST = 50.0  # [Hz]: below, accelerations of a moving arm are lost
JITTER = 0.2  # of the median step, at the 99th percentile
SLOPE = 0.05  # velocities may be so much larger or smaller than the positions' derivative
AGREEMENT = 0.98  # correlation of the two
LATEST = 0.1  # lags up to this are looked for [s]
NOTHING = 1e-6  # share of an effort's power
SMOOTHED_BELOW = 8.0  # an effort with nothing above this was filtered [Hz]
COARSE = 50  # an effort with fewer values than this is quantised coarsely
TURNS, RANGE, REST = 4, 0.2, 0.5  # fewest reversals, smallest way [rad], largest share of rest
SLIDE = 0.1  # smallest way of a joint that slides [m]
ENTANGLED = 30.0  # condition number of the columns of the classical fit
_MATCH = 9  # samples over which velocities are compared


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One check: whether all is well, and a sentence with what was measured.

    `problems` are those parts of it that name what is wrong and what to do, one each.
    """

    topic: str
    fine: bool
    text: str
    problems: tuple[str, ...] = ()


def check_recording(
    recording: JointRecording, t: Array, tau_rbd: Array, units: Sequence[str]
) -> list[Finding]:
    """Return one finding for each check.

    Args:
        recording: As it was read.
        t: Times [s] (R,) at which the model was evaluated, all among those of the recording.
        tau_rbd: Rigid-body torque [N m] at these times, (R, n).
        units: Of the joints' positions, "rad" or "m" (n,).
    """
    at = np.searchsorted(recording.t, t - 1e-9)
    return [
        check_messages(recording),
        check_rate(recording),
        check_gaps(recording),
        check_velocity(recording),
        check_smoothing(recording),
        check_excitation(recording, tau_rbd, at, units),
    ]


def check_messages(recording: JointRecording) -> Finding:
    """Check what was found while the file was read: names, values, stamps, publishers, spikes."""
    checks = recording.checks
    said = [note for note in checks.notes if note not in checks.problems]
    return finding("messages", "; ".join([f"{checks.messages} read", *said]), checks.problems)


def check_rate(recording: JointRecording) -> Finding:
    """Check the rate of the samples and its steadiness."""
    steps, dt = np.diff(recording.t), recording.dt
    # what is longer is a gap, and reported as one
    jitter = float(np.percentile(np.abs(steps[steps < 1.5 * dt] - dt), 99.0)) / dt
    measured = f"{1.0 / dt:.1f} Hz, steps steady to {100.0 * jitter:.1f} % (99th percentile)"
    words = []
    if 1.0 / dt < SLOWEST:
        words.append(f"slower than {SLOWEST:.0f} Hz: record faster, or move more slowly")
    if jitter > JITTER:
        words.append(
            "steps are uneven, and accelerations suffer: stamp samples where they are measured, "
            "not where they arrive"
        )
    return finding("rate", measured, words)


def check_gaps(recording: JointRecording) -> Finding:
    """Check for missing stretches and unusable messages."""
    parts, checks, dt = gap_free_parts(recording), recording.checks, recording.dt
    lost = max(recording.t[-1] - (len(recording.t) - 1) * dt, 0.0)  # single samples as well
    measured = f"{checks.counts}; {len(parts) - 1} gaps, {lost:.2f} s missing"
    words = []
    if len(parts) > 1:
        longest = max(recording.t[part[-1]] - recording.t[part[0]] for part in parts)
        words.append(
            f"the longest stretch without a gap is {longest:.1f} s: record on the robot's own "
            "computer, or with a larger queue"
        )
    if checks.lost > 0.01 * (checks.messages - checks.others):
        words.append(f"{checks.lost} messages cannot be used: see what the driver publishes")
    return finding("gaps", measured, words)


def check_velocity(recording: JointRecording) -> Finding:
    """Check whether velocities are the derivative of positions."""
    dt = recording.dt
    parts = [part for part in gap_free_parts(recording) if len(part) >= 3 * _MATCH]
    if not parts:
        return finding("velocity", "not checked", ["no stretch without a gap is long enough"])
    smooth = [savgol_filter(recording.v[part], _MATCH, 2, axis=0) for part in parts]
    slope_of = []
    for part, v in zip(parts, smooth, strict=True):
        slope, use = uneven_acceleration(recording.t[part], recording.q[part], dt, _MATCH, 2)
        slope_of.append(np.where(use[:, None], slope, v))  # no evidence where it is unknown
    derivative, velocity = np.concatenate(slope_of), np.concatenate(smooth)
    words, worst = [], 1.0
    for j, name in enumerate(recording.names):
        d, v = derivative[:, j], velocity[:, j]
        if d.std() < 1e-4 and v.std() < 1e-4:
            continue  # at rest; check_excitation reports it
        lag = _lag([(x[:, j], y[:, j]) for x, y in zip(slope_of, smooth, strict=True)], dt)
        shift = round(lag / dt)
        d, v = (d[: len(d) - shift], v[shift:]) if shift >= 0 else (d[-shift:], v[:shift])
        scale = float(v @ d / max(d @ d, 1e-12))
        agreement = float(np.corrcoef(d, v)[0, 1]) if d.std() > 0 and v.std() > 0 else 0.0
        worst = min(worst, agreement)
        if agreement < AGREEMENT:
            words.append(
                f"{name}: velocity is not the derivative of position (correlation "
                f"{agreement:.2f}): see whether both belong to the same joint and time"
            )
        elif abs(scale - 1.0) > SLOPE:
            degrees = any(abs(scale / unit - 1.0) < SLOPE for unit in (57.2958, 1 / 57.2958))
            guess = "one of them is in degrees" if degrees else "see the driver's units"
            words.append(f"{name}: velocity is {scale:.3g} times d position/dt: {guess}")
        elif abs(lag) > 1.5 * dt:
            late = "behind" if lag > 0 else "ahead of"
            words.append(
                f"{name}: velocity is {1e3 * abs(lag):.0f} ms {late} position: use a driver that "
                "filters both alike"
            )
    return finding("velocity", f"correlates with d position/dt at {worst:.3f} or more", words)


def check_smoothing(recording: JointRecording) -> Finding:
    """Check whether efforts were low-pass filtered: friction then turns round too slowly.

    Dry friction alone puts corners into an effort, and sensors add noise; one whose power is below
    a millionth from some low frequency on has been through a filter.
    """
    dt = recording.dt
    longest = max(gap_free_parts(recording), key=len)
    segment = min(len(longest), 1024)
    moving = recording.tau[longest].std(axis=0) > 0.0
    if segment < 256 or not moving.any():
        return finding("smoothing", "too short to check", [])
    effort = recording.tau[longest][:, moving]
    frequency, power = welch(effort, 1.0 / dt, nperseg=segment, axis=0)
    above = np.cumsum(power[::-1], axis=0)[::-1] / power.sum(axis=0)
    cutoff = float(max(frequency[np.argmax(column < NOTHING)] for column in above.T))
    if cutoff == 0.0:  # no frequency is the last
        return finding("smoothing", "efforts have power at all frequencies", [])
    words = []
    if cutoff < SMOOTHED_BELOW:
        words.append(
            "efforts were low-pass filtered, so friction turns round over a range of speeds: "
            "publish them unfiltered"
        )
    return finding("smoothing", f"efforts hold nothing above {cutoff:.1f} Hz", words)


def check_excitation(
    recording: JointRecording, tau_rbd: Array, at: NDArray[np.intp], units: Sequence[str]
) -> Finding:
    """Check whether the motion shows what is to be identified."""
    words, fewest = [], len(recording.t)
    ways = np.ptp(recording.q, axis=0)
    smallest = int(np.argmin(ways))
    for j, name in enumerate(recording.names):
        v = recording.v[:, j]
        fast = np.percentile(np.abs(v), 95.0)
        moving = v[np.abs(v) > max(0.02 * fast, 1e-3)]
        turns = int((np.diff(np.sign(moving)) != 0).sum())
        rest = float((np.abs(v) < max(0.01 * fast, 1e-3)).mean())
        fewest = min(fewest, turns)
        if ways[j] < (SLIDE if units[j] == "m" else RANGE):
            words.append(f"{name}: moves {ways[j]:.2f} {units[j]} only: let it sweep its range")
        elif turns < TURNS:
            words.append(f"{name}: turns round {turns} times only: dry friction needs reversals")
        elif rest > REST:
            words.append(f"{name}: rests {100.0 * rest:.0f} % of the time: keep it moving")
        else:
            columns = friction_features(tau_rbd[:, j, None], recording.v[at, j : j + 1])[:, 0, :3]
            condition = _condition(columns)
            if condition > ENTANGLED:
                words.append(
                    f"{name}: gravity, speed and direction go together (condition {condition:.0f}"
                    "): vary poses and speeds"
                )
    measured = (
        f"every joint moves {ways[smallest]:.2f} {units[smallest]} or more and turns round "
        f"{fewest} times or more"
    )
    return finding("excitation", measured, words)


def finding(topic: str, measured: str, problems: Sequence[str]) -> Finding:
    """Return the finding of a check: fine where there are no problems."""
    text = "; ".join([measured, *problems])
    return Finding(topic=topic, fine=not problems, text=f"{text}.", problems=tuple(problems))


def _lag(pairs: Sequence[tuple[Array, Array]], dt: float) -> float:
    """Return by how much [s] the second of each pair is behind the first."""
    most = max(1, round(LATEST / dt))
    shifts = range(-most, most + 1)
    products = []
    for shift in shifts:
        total = weight = 0.0
        for first, second in pairs:
            if len(first) <= 2 * most:
                continue
            x = first[most:-most]
            y = second[most + shift : len(second) - most + shift]
            total += float((x - x.mean()) @ (y - y.mean()))
            weight += float(np.linalg.norm(x - x.mean()) * np.linalg.norm(y - y.mean()))
        products.append(total / max(weight, 1e-12))
    return shifts[int(np.argmax(products))] * dt


def _condition(columns: Array) -> float:
    """Return the condition number of standardised columns that vary."""
    scale = columns.std(axis=0)
    z = (columns - columns.mean(axis=0))[:, scale > 1e-9] / scale[scale > 1e-9]
    values = np.linalg.svd(z, compute_uv=False)
    return float(values[0] / max(values[-1], 1e-12)) if len(values) else np.inf
