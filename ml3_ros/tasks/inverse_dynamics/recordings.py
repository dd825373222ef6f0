# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Samples of moving arms, as tensors: what tasks are made of."""

from dataclasses import dataclass, replace

from torch import Tensor

from ml3_ros.core.types import Batch, Extra
from ml3_ros.errors import DataError


@dataclass(frozen=True, kw_only=True, slots=True)
class Recordings:
    """N recordings of T samples each, float32, joints in model order.

    The first `n_support` samples of a recording are what a learner sees, in the order of time; the
    rest are held out: other trajectories of the same robot.

    Attributes:
        q: Joint positions [rad], (N, T, n).
        v: Joint velocities [rad/s], (N, T, n).
        a: Joint accelerations [rad/s^2] from filtered measurements, (N, T, n).
        tau: Measured joint torques, gravity included [N m], (N, T, n).
        n_support: Number of samples that may be learned from.
        inertia: M(q) [kg m^2], (N, T, n, n): extra information, or None.
        nle: F(q, v), friction included [N m], (N, T, n): extra information, or None.
    """

    q: Tensor
    v: Tensor
    a: Tensor
    tau: Tensor
    n_support: int
    inertia: Tensor | None = None
    nle: Tensor | None = None

    def __post_init__(self) -> None:
        shape = self.q.shape
        if len(shape) != 3 or any(x.shape != shape for x in (self.v, self.a, self.tau)):
            raise DataError(f"q, v, a and tau must all be (N, T, n), got q {tuple(shape)}")
        if 0 in shape:
            raise DataError(f"recordings (N, T, n) are empty, got {tuple(shape)}: record some")
        for name, expected in (("nle", shape), ("inertia", (*shape, shape[-1]))):
            prior = getattr(self, name)
            if prior is not None and prior.shape != expected:
                raise DataError(
                    f"{name} must be {tuple(expected)} for q (N, T, n) {tuple(shape)}, "
                    f"got {tuple(prior.shape)}"
                )
        if not 0 < self.n_support < shape[1]:
            raise DataError(
                f"n_support must leave samples on both sides of it: got {self.n_support} of "
                f"{shape[1]}; record longer"
            )
        if not all(x.isfinite().all() for x in (self.q, self.v, self.a, self.tau)):
            raise DataError("recordings hold NaN or infinite samples: drop them first")

    def __len__(self) -> int:
        return self.q.shape[0]

    @property
    def n_samples(self) -> int:
        """T."""
        return self.q.shape[1]

    def observe(self, tasks: Tensor, samples: Tensor, *, given_nle: bool = False) -> Batch:
        """Return what a learner may see of samples (k, B) of recordings `tasks` (k,).

        With F given, it belongs to the data: "tau_inertial" is the torque that is left.
        """
        at = (tasks.unsqueeze(-1), samples)
        batch = {"q": self.q[at], "v": self.v[at], "a": self.a[at], "tau": self.tau[at]}
        if given_nle:
            batch["tau_inertial"] = batch["tau"] - self.known_nle()[at]
        return batch

    def known_nle(self) -> Tensor:
        """Return F of every sample (N, T, n) [N m].

        Raises:
            DataError: The recordings do not have it.
        """
        if self.nle is None:
            raise DataError("these recordings hold no F: record the prior too")
        return self.nle

    def reveal(self, tasks: Tensor, samples: Tensor) -> Extra:
        """Return the extra information at the same samples."""
        at = (tasks.unsqueeze(-1), samples)
        known = {"inertia": self.inertia, "nle": self.nle}
        return {name: x[at] for name, x in known.items() if x is not None}

    def subset(self, tasks: Tensor) -> "Recordings":
        """Return the recordings with indices `tasks`."""
        fields = ("q", "v", "a", "tau", "inertia", "nle")
        kept = {k: getattr(self, k) for k in fields if getattr(self, k) is not None}
        return replace(self, **{k: x[tasks] for k, x in kept.items()})
