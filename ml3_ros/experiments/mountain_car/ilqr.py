# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Control-limited iLQR (Tassa et al. 2014), by the box-DDP solver of Crocoddyl."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ml3_ros.errors import needs
from ml3_ros.learners.reaching.world import World

Residual = Callable[[Tensor], Tensor]
"""States (*lead, n_states) -> residuals (*lead, k), whose half squared norm is the cost."""


@dataclass(frozen=True, slots=True)
class Trajectory:
    """What was found after an iteration."""

    states: NDArray[np.float64]  # (T + 1, n_states)
    actions: NDArray[np.float64]  # (T, n_actions)
    cost: float


def ilqr(
    world: World,
    start: NDArray[np.float64],
    running: Residual,
    final: Residual,
    *,
    effort: float = 1e-3,
    n_iterations: int = 100,
    actions: NDArray[np.float64] | None = None,
) -> list[Trajectory]:
    """Optimise the actions of one episode through the true dynamics.

    Minimises sum_t (|running(s_t)|^2 + effort |u_t / limits|^2) / 2 + |final(s_T)|^2 / 2 with
    |u_t| <= limits; gradients of both are exact, Hessians those of Gauss and Newton.

    Args:
        world: Its dynamics and limits.
        start: First state (n_states,).
        running: Residuals at every step.
        final: Residuals at the end.
        effort: Weight of the actions.
        n_iterations: At most so many.
        actions: Where to start from (T, n_actions); zero if None.

    Returns:
        The trajectory at the start and after every iteration.

    Raises:
        ConfigError: Crocoddyl is not installed.
    """
    with needs("crocoddyl", "ilqr", "iLQR"):
        import crocoddyl
    node_type = _node_type(crocoddyl)
    node = node_type(world, running, effort)
    end = node_type(world, final, effort)
    problem = crocoddyl.ShootingProblem(start, [node] * world.horizon, end)
    solver = crocoddyl.SolverBoxDDP(problem)
    shape = (world.horizon, world.n_actions)
    first = np.zeros(shape) if actions is None else np.asarray(actions, dtype=float)
    found: list[Trajectory] = []

    class Observer(crocoddyl.CallbackAbstract):
        def __call__(self, solver: Any) -> None:
            found.append(_copied(solver))

    observer = Observer()
    solver.setCallbacks([observer])
    us = list(first)
    xs = problem.rollout(us)
    found.append(Trajectory(np.array(xs), first, float(problem.calc(xs, us))))
    solver.solve(xs, us, n_iterations, True)
    return found


def _copied(solver: Any) -> Trajectory:
    return Trajectory(
        np.array(solver.xs.tolist()), np.array(solver.us.tolist()), float(solver.cost)
    )


def _jacobians(f: Callable[..., Tensor], k: int, *x: Tensor) -> list[NDArray[np.float64]]:
    """Return the derivatives (k, n) of k outputs by every input (n,).

    Row i of a batch of k equal inputs gets the gradient of output i alone: one pass for all.
    """
    rows = [part.expand(k, -1).clone().requires_grad_() for part in x]
    grads = torch.autograd.grad(f(*rows).diagonal().sum(), rows)
    return [grad.numpy() for grad in grads]


def _node_type(crocoddyl: Any) -> Any:
    """Return the class of a step; Crocoddyl is only now known to be there."""

    class Node(crocoddyl.ActionModelAbstract):
        def __init__(self, world: World, residual: Residual, effort: float) -> None:
            n, m = world.n_states, world.n_actions
            size = residual(torch.zeros(n, dtype=torch.float64)).numel()
            crocoddyl.ActionModelAbstract.__init__(self, crocoddyl.StateVector(n), m, size)
            self.world, self.residual_of = world, residual
            limits = np.array(world.limits)
            self.u_lb, self.u_ub = -limits, limits
            self.weight = effort / limits**2

        def calc(self, data: Any, x: NDArray[np.float64], u: Any = None) -> None:
            state = torch.from_numpy(np.array(x))
            r = self.residual_of(state).numpy()
            data.cost = 0.5 * float(r @ r)
            data.xnext = x
            if u is not None and len(u):
                action = torch.from_numpy(np.array(u))
                data.xnext = self.world.step(state, action).numpy()
                data.cost += 0.5 * float(self.weight @ np.square(u))

        def calcDiff(self, data: Any, x: NDArray[np.float64], u: Any = None) -> None:
            state = torch.from_numpy(np.array(x))
            r = self.residual_of(state).numpy()
            (slope,) = _jacobians(self.residual_of, len(r), state)
            data.Lx = slope.T @ r
            data.Lxx = slope.T @ slope
            if u is not None and len(u):
                action = torch.from_numpy(np.array(u))
                data.Fx, data.Fu = _jacobians(self.world.step, len(state), state, action)
                data.Lu = self.weight * u
                data.Luu = np.diag(self.weight)

    return Node
