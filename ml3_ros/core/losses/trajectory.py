# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Losses of episodes with a learned step size (section III-B of the paper)."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from ml3_ros.core.checks import check_number
from ml3_ros.core.draws import Source
from ml3_ros.core.losses.loss_input import LossInput
from ml3_ros.core.losses.meta_losses import SMALLEST_BOUND, MetaLoss
from ml3_ros.core.networks import FunctionalModule, Mlp
from ml3_ros.core.types import Params, scoped
from ml3_ros.errors import ConfigError

LARGEST_BOUND = 10.0  # of s: e^10 is far above any useful step
LARGEST_GAIN_WEIGHT = 1e6
SMALLEST_REACH, LARGEST_REACH = 1e-3, 1e6
GAIN_RIDGE = 1e-3  # of the regression that finds gains, per row
MAX_GAINS = 1024  # rows of gains; bounds what a description from outside can make us allocate


def regression(x: Tensor, y: Tensor, ridge: float) -> Tensor:
    """Return the coefficients (*lead, 1 + n, k) of y (*lead, B, k) on 1 and x (*lead, B, n).

    They are not finite where x is so large that the ridge is lost in rounding.
    """
    x = torch.cat([torch.ones_like(x[..., :1]), x], dim=-1)
    size = x.shape[-2]
    second_moments = x.mT @ x / size + ridge * torch.eye(x.shape[-1], dtype=x.dtype)
    # unchecked: a model that ran away shall be reset, not end the run of all others
    coefficients: Tensor = torch.linalg.solve_ex(second_moments, x.mT @ y / size)[0]
    return coefficients


class StepSize(FunctionalModule):
    """e^s of an episode, s the mean of a network over it, between -bound and bound.

    No gradient flows through what it sees: it scales the update and is no part of the loss.

    Args:
        n_inputs: Of the network.
        hidden: Widths of its hidden layers.
        bound: Of s.
    """

    def __init__(self, n_inputs: int, hidden: tuple[int, ...], bound: float) -> None:
        super().__init__()
        check_number("bound", bound, SMALLEST_BOUND, LARGEST_BOUND)
        self.bound = bound
        self.net = Mlp((n_inputs, *hidden, 1), activation="elu", output_scale=0.0)

    def init(self, generator: Source, lead: tuple[int, ...] = ()) -> Params:
        """Return fresh parameters, at which the step size is 1."""
        return {f"step_net.{k}": p for k, p in self.net.init(generator, lead).items()}

    def call(self, params: Params, *inputs: Tensor) -> Tensor:
        """Return e^s (*lead,) of an episode's inputs (*lead, B, n)."""
        (x,) = inputs
        s = self.net.call(scoped(params, "step_net"), x.detach()).mean((-2, -1))
        return (self.bound * torch.tanh(s / self.bound)).exp()


class TrajectoryLoss(MetaLoss):
    """L = e^s mean_t softplus(MLP([u_t, x_t])), the paper's form, with a step size e^s.

    The prediction u_t is what the policy would do at the states of an episode; x_t, what is seen
    of state and goal there, is the context. Only the actions carry a gradient, so no model of the
    world is needed.

    Args:
        n_outputs: Number of actions.
        context_sizes: Names and sizes of what is seen of state and goal.
        hidden: Widths of the hidden layers of the loss.
        step_hidden: Of those of the step size.
        bound: Of s.
    """

    def __init__(
        self,
        n_outputs: int,
        context_sizes: Mapping[str, int],
        *,
        hidden: tuple[int, ...] = (64, 64),
        step_hidden: tuple[int, ...] = (32,),
        bound: float = 3.0,
    ) -> None:
        super().__init__(n_outputs, context_sizes)
        n_inputs = n_outputs + sum(self.context_sizes.values())
        self.net = Mlp((n_inputs, *hidden, 1), activation="elu", output_bias=False)
        self.step_size = StepSize(n_inputs, step_hidden, bound)

    def init(self, generator: Source, lead: tuple[int, ...] = ()) -> Params:
        """Return fresh phi; step sizes start at 1."""
        net = {f"net.{k}": p for k, p in self.net.init(generator, lead).items()}
        return net | self.step_size.init(generator, lead)

    def evaluate(self, phi: Params, inputs: LossInput) -> Tensor:
        """Return the value (*lead,) of actions, whatever was done (target); see `MetaLoss`."""
        x = torch.cat([inputs.prediction, *self.concatenate(inputs.context)], dim=-1)
        value = nn.functional.softplus(self.net.call(scoped(phi, "net"), x)).mean((-2, -1))
        return self.step_size.call(phi, x) * value


class DesiredActionLoss(MetaLoss):
    """L = e^s (mean_t sum_j w_j (u_j - c_j)^2 + g |K|^2): the loss has a target action.

    The desired action c(x), within +-reach, and the weights w(x) > 0 are networks of what is seen
    of state and goal. Whatever meta-training does, the loss has one minimum in every state, a
    finite action, so that descent on it cannot run away. s is as in `TrajectoryLoss`.

    K are the coefficients of a ridge regression of u - c on (1, x) over the batch: by how much the
    gains of the policy are wrong. Episodes hardly differ in how they begin, so wrong gains cost
    little of the first term, and descent on that alone sets them right last of all.

    Args:
        n_outputs: Number of actions.
        context_sizes: Names and sizes of what is seen of state and goal.
        hidden: Widths of the hidden layers of actions and weights.
        step_hidden: Of those of the step size.
        bound: Of s, and of the logarithm of the weights.
        reach: Of desired actions, in units of the action's scale.
        gain_weight: g, at least 0.
    """

    def __init__(
        self,
        n_outputs: int,
        context_sizes: Mapping[str, int],
        *,
        hidden: tuple[int, ...] = (64, 64),
        step_hidden: tuple[int, ...] = (32,),
        bound: float = 3.0,
        reach: float = 1.5,
        gain_weight: float = 0.0,
    ) -> None:
        super().__init__(n_outputs, context_sizes)
        check_number("gain_weight", gain_weight, 0.0, LARGEST_GAIN_WEIGHT)
        check_number("reach", reach, SMALLEST_REACH, LARGEST_REACH)
        self.gain_weight = gain_weight
        n_context = sum(self.context_sizes.values())
        if gain_weight and n_context >= MAX_GAINS:
            raise ConfigError(
                f"gain_weight={gain_weight} on {n_context} inputs: use less than {MAX_GAINS}"
            )
        self.reach = reach
        self.net = Mlp((n_context, *hidden, 2 * n_outputs), activation="elu", output_scale=0.1)
        self.step_size = StepSize(n_context + n_outputs, step_hidden, bound)

    def init(self, generator: Source, lead: tuple[int, ...] = ()) -> Params:
        """Return fresh phi; step sizes start at 1, weights near it."""
        net = {f"net.{k}": p for k, p in self.net.init(generator, lead).items()}
        return net | self.step_size.init(generator, lead)

    def evaluate(self, phi: Params, inputs: LossInput) -> Tensor:
        """Return the value (*lead,) of actions, whatever was done (target); see `MetaLoss`."""
        seen = torch.cat(self.concatenate(inputs.context), dim=-1)
        desired, log_weight = self.net.call(scoped(phi, "net"), seen).chunk(2, -1)
        error = inputs.prediction - self._within_reach(desired)
        bound = self.step_size.bound
        weight = (bound * torch.tanh(log_weight / bound)).exp()
        value = (weight * error.square()).sum(-1).mean(-1)
        if self.gain_weight:
            gains = regression(seen, error, GAIN_RIDGE)
            value = value + self.gain_weight * gains.square().sum((-2, -1))
        return self.step_size.call(phi, torch.cat([inputs.prediction, seen], dim=-1)) * value

    def desired(self, phi: Params, seen: Tensor) -> Tensor:
        """Return the loss's target action (*lead, B, k), in units of the action's scale.

        Args:
            phi: Parameters.
            seen: The context (*lead, B, n), side by side, in units of its scales.
        """
        return self._within_reach(self.net.call(scoped(phi, "net"), seen).chunk(2, -1)[0])

    def _within_reach(self, desired: Tensor) -> Tensor:
        return self.reach * torch.tanh(desired / self.reach)


def minimum_of(network: MetaLoss) -> DesiredActionLoss:
    """Return the network of a loss whose minimum is known.

    Raises:
        ConfigError: It is not known.
    """
    if not isinstance(network, DesiredActionLoss):
        raise ConfigError(
            f"the minimum of a {type(network).__name__} is not known: a limit_weight needs the "
            "architecture 'desired_action'"
        )
    return network
