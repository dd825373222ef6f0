# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Stability of sampled feedback: decay of a loop whose torque is held for a control period."""

from __future__ import annotations

from itertools import product

import numpy as np

from ml3_ros.errors import RobotError
from ml3_ros.robots.base import Array, JointLimits

RADIUS = 0.95  # of a mode that is fast for the rate: the error left after a period [-]
TURN = 0.25  # a mode that turns by more a period is fast: 25 samples or fewer a cycle [rad]
KEPT = 0.5  # share of its decay that sampling has to leave a slow mode [-]
NO_GROWTH = 0.999  # in place of RADIUS for motors that are slow and late [-]
_POSES, _NUMBERS = 128, 1024  # largest number of poses, and of joint positions in all of them


def poses_within(limits: JointLimits, home: Array) -> Array:
    """Return home and random poses inside the position limits [rad], (B, n), always the same.

    Of longer ways, as those of joints without limits, no more is seen than a turn either side of
    0, or from the end that is nearest to it.

    Raises:
        RobotError: The position limits have no meaning.
    """
    turn = 2.0 * np.pi
    lower = np.maximum(limits.lower, np.minimum(-turn, limits.upper - turn))
    upper = np.minimum(limits.upper, np.maximum(turn, limits.lower + turn))
    if not (np.isfinite(lower) & np.isfinite(upper) & (lower <= upper)).all():
        raise RobotError(
            f"joints may move from {limits.lower.tolist()} to {limits.upper.tolist()}: correct "
            "the position limits in the robot's description"
        )
    count = max(8, min(_POSES, _NUMBERS // len(home)))
    drawn = np.random.default_rng(0).uniform(lower, upper, (count - 1, len(home)))
    return np.concatenate((home[None], drawn))


def settles(M: Array, G: Array, kp: Array, kd: Array, rate: float) -> np.ndarray:
    """Return at which poses the loop decays with margin, on time and one period late, (B,) bool.

    The loop is M a = -G e + tau with tau = -kp e - kd v of the last sample, or of the one before;
    it is held for a period, or reached at its end at a constant rate, as `Motors` do. A motion
    that changes as z^k from sample to sample has to keep

        |z| <= RADIUS                            where it turns by more than TURN a period,
        |z| <= max(RADIUS, exp(-KEPT s / rate))  otherwise,

    s > 0 [1/s] being the slowest decay of the same pose and gains without sampling. The first is
    the margin against shaking: held a period late, a velocity feedback that large bears a tenth
    more. It cannot hold for slow motions: the faster the rate, the closer to 1 is all that a
    well damped arm does in a period; so these are held to what the gains are meant to do. Of a
    torque that is both late and reached at the end only, it is required only that nothing grows.

    Args:
        M: Inertia matrices [kg m^2], (B, n, n).
        G: Change of the gravity torque with the position [N m/rad], (B, n, n).
        kp: Stiffness [N m/rad], (B, n).
        kd: Damping [N m s/rad], (B, n).
        rate: Control rate [Hz].
    """
    designed = _slowest_decay(M, G, kp, kd)
    good = designed > 0.0
    for late, ramp in product((False, True), repeat=2):
        radius = NO_GROWTH if late and ramp else RADIUS
        allowed = np.maximum(radius, np.exp(-KEPT * designed / rate))[:, None]
        z = multipliers(M, G, kp, kd, rate, late=late, ramp=ramp)
        fast = np.abs(np.angle(z)) > TURN
        good &= (np.abs(z) <= np.where(fast, radius, allowed)).all(axis=1)
    return good


def multipliers(
    M: Array, G: Array, kp: Array, kd: Array, rate: float, *, late: bool, ramp: bool = False
) -> np.ndarray:
    """Return what each mode of the loop is multiplied with in a period, (B, 2n), (B, 3n), (B, 4n).

    The largest modulus is the spectral radius of the sampled loop. Between samples the motion is
    exact: in the coordinates in which M is 1 and G is diagonal it is a sine or a hyperbolic sine.

    Args:
        M: Inertia matrices [kg m^2], (B, n, n).
        G: Change of the gravity torque with the position [N m/rad], (B, n, n).
        kp: Stiffness [N m/rad], (B, n).
        kd: Damping [N m s/rad], (B, n).
        rate: Control rate [Hz].
        late: Whether the torque comes one period late.
        ramp: Whether the torque is reached at a constant rate within a period, instead of at once.
    """
    n, T = M.shape[-1], 1.0 / rate
    inverse = np.linalg.inv(np.linalg.cholesky(M))
    squares, turned = np.linalg.eigh(inverse @ G @ _transposed(inverse))
    to_modes = _transposed(turned) @ inverse
    omega = np.sqrt(squares.astype(np.complex128))
    omega[np.abs(omega) * T < 1e-4] = 1e-4 / T  # what is slower moves alike within a period
    cosine, sine = np.cos(omega * T).real, np.sin(omega * T)
    A = _blocks(cosine, (sine / omega).real, (-omega * sine).real, cosine)
    steady = (2.0 * np.sin(0.5 * omega * T) ** 2 / omega**2).real  # of a torque of 1 that is held
    held = _columns(steady, (sine / omega).real)
    # of a torque that goes from 0 to 1
    after = _columns(((1.0 - sine / (omega * T)) / omega**2).real, steady / T)
    K = np.concatenate(
        [(to_modes * k[:, None, :]) @ _transposed(to_modes) for k in (kp, kd)], axis=2
    )
    # The state is followed by the torques of the samples before, the newest first; `acting` is
    # what each of them and the newest one, -K x, give the state in this period.
    acting = [after, held - after] if ramp else [held]
    if late:
        acting.insert(0, np.zeros_like(held))
    zero, one = np.zeros_like(M), np.zeros_like(M) + np.eye(n)
    older = len(acting) - 1
    if not older:
        return np.linalg.eigvals(A - held @ K)
    top = np.concatenate([A - acting[0] @ K, *acting[1:]], axis=2)
    rows = [np.concatenate([-K, *[zero] * older], axis=2)]
    rows += [
        np.concatenate([zero, zero, *(one if j == i else zero for j in range(older))], axis=2)
        for i in range(older - 1)
    ]
    return np.linalg.eigvals(np.concatenate([top, *rows], axis=1))


def _slowest_decay(M: Array, G: Array, kp: Array, kd: Array) -> Array:
    """Return the slowest decay of the loop without sampling [1/s], (B,); negative: it grows."""
    zero = np.zeros_like(M)
    one = zero + np.eye(M.shape[-1])
    system = np.block(
        [[zero, one], [-np.linalg.solve(M, G + _diag(kp)), -np.linalg.solve(M, _diag(kd))]]
    )
    return np.asarray(-np.linalg.eigvals(system).real.max(axis=1))


def _blocks(a: Array, b: Array, c: Array, d: Array) -> Array:
    """Return the matrices [[a, b], [c, d]] of diagonal blocks (B, n), (B, 2n, 2n)."""
    return np.block([[_diag(a), _diag(b)], [_diag(c), _diag(d)]])


def _columns(position: Array, velocity: Array) -> Array:
    """Return what a torque gives both halves of the state, (B, 2n, n)."""
    return np.concatenate((_diag(position), _diag(velocity)), axis=1)


def _diag(x: Array) -> Array:
    return np.asarray(x[..., None] * np.eye(x.shape[-1]))


def _transposed(x: Array) -> Array:
    return np.swapaxes(x, -1, -2)
