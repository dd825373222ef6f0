"""Feedback whose torque is held for a control period: how its loop decays, pose by pose."""

from __future__ import annotations

import numpy as np

from ml3_ros.robots.base import Array, JointLimits

RADIUS = 0.95  # of a mode that is fast for the rate: the error left after a period [-]
TURN = 0.25  # a mode that turns by more a period is fast: 25 samples or fewer a cycle [rad]
KEPT = 0.5  # share of its decay that sampling has to leave a slow mode [-]
_POSES, _NUMBERS = 128, 1024  # largest number of poses, and of joint positions in all of them


def poses_within(limits: JointLimits, home: Array) -> Array:
    """Return home and random poses inside the position limits [rad], (B, n), always the same."""
    lower, upper = np.maximum(limits.lower, -2.0 * np.pi), np.minimum(limits.upper, 2.0 * np.pi)
    count = max(8, min(_POSES, _NUMBERS // len(home)))
    drawn = np.random.default_rng(0).uniform(lower, upper, (count - 1, len(home)))
    return np.concatenate((home[None], drawn))


def settles(M: Array, G: Array, kp: Array, kd: Array, rate: float) -> np.ndarray:
    """Return at which poses the loop decays with margin, on time and one period late, (B,) bool.

    The loop is M a = -G e + tau with tau = -kp e - kd v of the last sample, held for a period, or
    of the one before. A motion that changes as z^k from sample to sample has to keep

        |z| <= RADIUS                            where it turns by more than TURN a period,
        |z| <= max(RADIUS, exp(-KEPT s / rate))  otherwise,

    s > 0 [1/s] being the slowest decay of the same pose and gains without sampling. The first is
    the margin against shaking: held a period late, a velocity feedback that large bears a tenth
    more. It cannot be asked of slow motions: the faster the rate, the closer to 1 is all that a
    well damped arm does in a period; so these are held to what the gains are meant to do.

    Args:
        M: Inertia matrices [kg m^2], (B, n, n).
        G: Change of the gravity torque with the position [N m/rad], (B, n, n).
        kp: Stiffness [N m/rad], (B, n).
        kd: Damping [N m s/rad], (B, n).
        rate: Control rate [Hz].
    """
    designed = _slowest_decay(M, G, kp, kd)
    allowed = np.maximum(RADIUS, np.exp(-KEPT * designed / rate))[:, None]
    good = designed > 0.0
    for late in (False, True):
        z = multipliers(M, G, kp, kd, rate, late=late)
        fast = np.abs(np.angle(z)) > TURN
        good &= (np.abs(z) <= np.where(fast, RADIUS, allowed)).all(axis=1)
    return good


def multipliers(
    M: Array, G: Array, kp: Array, kd: Array, rate: float, *, late: bool
) -> np.ndarray:
    """Return what each mode of the loop is multiplied with in a period, (B, 2n), late (B, 3n).

    The largest modulus is the spectral radius of the sampled loop. Between samples the motion is
    exact: in the coordinates in which M is 1 and G is diagonal it is a sine or a hyperbolic sine.

    Args:
        M: Inertia matrices [kg m^2], (B, n, n).
        G: Change of the gravity torque with the position [N m/rad], (B, n, n).
        kp: Stiffness [N m/rad], (B, n).
        kd: Damping [N m s/rad], (B, n).
        rate: Control rate [Hz].
        late: Whether the torque comes one period late.
    """
    n, T = M.shape[-1], 1.0 / rate
    inverse = np.linalg.inv(np.linalg.cholesky(M))
    squares, turned = np.linalg.eigh(inverse @ G @ _transposed(inverse))
    to_modes = _transposed(turned) @ inverse
    omega = np.sqrt(squares.astype(np.complex128))
    omega[np.abs(omega) < 1e-6] = 1e-6
    cosine, sine = np.cos(omega * T).real, np.sin(omega * T)
    steady = (2.0 * np.sin(0.5 * omega * T) ** 2 / omega**2).real
    drift = (sine / omega).real
    A = np.block([[_diag(cosine), _diag(drift)], [_diag((-omega * sine).real), _diag(cosine)]])
    B = np.concatenate((_diag(steady), _diag(drift)), axis=1)
    K = np.concatenate(
        [(to_modes * k[:, None, :]) @ _transposed(to_modes) for k in (kp, kd)], axis=2
    )
    if not late:
        return np.linalg.eigvals(A - B @ K)
    return np.linalg.eigvals(np.block([[A, B], [-K, np.zeros((len(M), n, n))]]))


def _slowest_decay(M: Array, G: Array, kp: Array, kd: Array) -> Array:
    """Return the slowest decay of the loop without sampling [1/s], (B,); negative: it grows."""
    zero = np.zeros_like(M)
    one = zero + np.eye(M.shape[-1])
    system = np.block(
        [[zero, one], [-np.linalg.solve(M, G + _diag(kp)), -np.linalg.solve(M, _diag(kd))]]
    )
    return np.asarray(-np.linalg.eigvals(system).real.max(axis=1))


def _diag(x: Array) -> Array:
    return np.asarray(x[..., None] * np.eye(x.shape[-1]))


def _transposed(x: Array) -> Array:
    return np.swapaxes(x, -1, -2)
