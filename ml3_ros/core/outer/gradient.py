# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The gradient on phi by the derivative through the unrolled inner steps (eq. 5, 6, 9)."""

from collections.abc import Callable
from dataclasses import dataclass

from ml3_ros.core.draws import Source
from ml3_ros.core.learner import Learner
from ml3_ros.core.outer.estimator import Estimate, Window
from ml3_ros.core.outer.meta_gradient import MetaGradient, meta_gradient
from ml3_ros.core.outer.objective import OuterObjective
from ml3_ros.core.types import Params


@dataclass(frozen=True, kw_only=True, slots=True)
class OuterGradient:
    """The derivative of the objective through a window, for all seeds and tasks. An `Estimator`.

    Attributes:
        learner: What is trained inside, on which loss, by which rule.
        objective: What the loss is trained for.
        differentiate: Computes the derivative, called as `meta_gradient`.
    """

    learner: Learner
    objective: OuterObjective
    differentiate: Callable[..., MetaGradient] = meta_gradient

    def init(self, theta: Params, lead: tuple[int, ...]) -> Params:
        """Return the state of the inner optimizer, see `Estimator`."""
        return self.learner.inner_optimizer.init(theta, lead)

    def draw(self, source: Source, n_tasks: int) -> Params:
        """Return nothing: no part of it is random, see `Estimator`."""
        return {}

    def estimate(self, phi: Params, window: Window) -> Estimate:
        """Return the derivative of the task loss after K inner steps, see `Estimator`."""
        objective = self.objective
        result = self.differentiate(
            self.learner,
            window.theta,
            phi,
            window.batches,
            lambda theta: objective.evaluate(theta, window.query, window.extra),
            state=window.inner_state,
            step_weights=window.step_weights,
        )
        return Estimate(
            grads=objective.mean_and_clipped(result.grads, result.outer_loss.shape[-1]),
            task_loss=result.outer_loss.mean(-1),
            diverged=objective.diverged(result.outer_loss),
            theta=result.theta,
            inner_state=result.state,
        )
