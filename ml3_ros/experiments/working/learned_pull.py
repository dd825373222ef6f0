# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A learned loss for the physical model: squared errors, and a pull to the description.

    L = |(tau - Y w) / effort|^2 + |z|^2,  w = nominal + sizes B z

The inner step h is the minimum itself. What is meta-learned is B, that is the precision
(B B^T)^-1 of the pull: in which directions arms of a kind differ, and how far.
"""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import trange

from ml3_ros.core.linear_model import WeightedProblem
from ml3_ros.core.outer import adam
from ml3_ros.experiments.working.physical import PhysicalModel

Array = NDArray[np.float64]

SPREAD = 0.1  # of parameters at the start, in units of their sizes
N_STEPS, N_TASKS = 100, 4
OUTER_LR = 1e-2  # falls to zero along a line
FEWEST = 32  # samples that a pull is meta-trained for, to all: log-uniform


class LearnedPull:
    """The pull B of one meta-seed, and the fit that it makes.

    Args:
        basis: B (p, p).
    """

    def __init__(self, basis: Tensor) -> None:
        self.basis = basis

    def fit(self, arm: PhysicalModel, regressor: Array, tau: Array) -> Array:
        """Return the parameters (p,) of a robot from rows (B, n, p) and torques (B, n)."""
        columns, rest = _scaled(arm, regressor, tau)
        with torch.no_grad():
            w = _solved(columns, rest, self.basis)
        return arm.nominal + arm.sizes * w.double().numpy()


def meta_learn_pull(arm: PhysicalModel, seed: int) -> LearnedPull:
    """Return the pull after which M(q) of the robots of meta-training is found best.

    Args:
        arm: Those robots.
        seed: Of the robots and samples of each step.
    """
    rng = np.random.default_rng(seed)
    rows = [_scaled(arm, *each) for each in arm.rows]
    sizes = torch.from_numpy(arm.sizes).float()
    columns = [arm.net.scale_inertia(x.movedim(-1, -3)) for x in arm.inertia_columns("own_motion")]
    truth = arm.net.scale_inertia(arm.robots.held_out("own_motion")[1])
    known = torch.from_numpy(arm.nominal).float()
    phi = {"basis": SPREAD * torch.eye(len(known))}
    state = adam.init(phi)
    for step in trange(N_STEPS, desc="learned pull", leave=False, mininterval=1.0):
        basis = phi["basis"].requires_grad_()
        losses = []
        for task in rng.integers(len(rows), size=N_TASKS):
            most = len(rows[task][1])
            count = round(math.exp(rng.uniform(math.log(min(FEWEST, most)), math.log(most))))
            chosen = torch.from_numpy(rng.integers(most, size=count))
            shown, rest = rows[task]
            w = known + sizes * _solved(shown[chosen], rest[chosen], basis)
            found = torch.einsum("bpij,p->bij", columns[task], w)
            losses.append((found - truth[task]).square().mean((0, 2)).log().mean())
        (grad,) = torch.autograd.grad(torch.stack(losses).mean(), basis)
        phi = {"basis": basis.detach()}
        adam.step(phi, {"basis": grad}, state, ("basis",), OUTER_LR * (1.0 - step / N_STEPS))
    return LearnedPull(phi["basis"])


def _scaled(arm: PhysicalModel, regressor: Array, tau: Array) -> tuple[Tensor, Tensor]:
    """Return columns of parameters in their sizes, and what the description leaves, per effort."""
    columns = regressor * arm.sizes / arm.noise[:, None]
    rest = (tau - regressor @ arm.nominal) / arm.noise
    return torch.from_numpy(columns).float(), torch.from_numpy(rest).float()


def _solved(columns: Tensor, rest: Tensor, basis: Tensor) -> Tensor:
    """Return the change of the parameters (p,) in their sizes."""
    problem = WeightedProblem(
        columns=columns @ basis,
        target=rest,
        weights=torch.ones_like(rest),
        pull=torch.ones(len(basis)),
    )
    return basis @ problem.solve()
