# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Online loss learning (AdaLFL; Raymond et al. 2022): phi goes on learning at meta-test."""

from dataclasses import dataclass

from ml3_ros.core.learner import Learner
from ml3_ros.core.outer import adam
from ml3_ros.core.outer.meta_gradient import TaskLoss, meta_gradient
from ml3_ros.core.types import Batch, Params


@dataclass(frozen=True, slots=True)
class Update:
    """An update of a model that has been made: what it was, and what it observed."""

    theta: Params
    state: Params
    batch: Batch


class OnlineLoss:
    """A loss that learns from the one model that it trains; a frozen loss is the rule.

    After an update of theta, phi makes a step of Adam down the task loss through that update. No
    model of the arm is needed where the task loss is an error on samples that came later.

    Args:
        phi: What it begins as.
        names: The part of phi that is learned.
        lr: Step size on phi.

    Attributes:
        phi: As it is now; a new dict after every step.
        last: The update that the next step of phi looks through.
    """

    def __init__(self, phi: Params, names: tuple[str, ...], lr: float) -> None:
        """Begin as a loss that has been meta-trained."""
        self.phi, self._names, self._lr = phi, names, lr
        self._state = adam.init({k: phi[k] for k in names})
        self.last: Update | None = None

    def learn(self, learner: Learner, task_loss: TaskLoss) -> None:
        """Update phi by the task loss (), after the last update of theta; without one, do nothing.

        A gradient that is not finite changes nothing.
        """
        if self.last is None:
            return
        last = self.last
        found = meta_gradient(
            learner, last.theta, self.phi, (last.batch,), task_loss, state=last.state
        )
        if not all(bool(found.grads[k].isfinite().all()) for k in self._names):
            return
        self.phi = {k: p.clone() if k in self._names else p for k, p in self.phi.items()}
        adam.step(self.phi, found.grads, self._state, self._names, self._lr)
