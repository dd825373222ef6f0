# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Meta-losses M_phi: networks that turn predictions and targets into a loss value.

All inputs are in units of their scales, see `LossInput`.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from ml3_ros.core.checks import check_number
from ml3_ros.core.draws import Source
from ml3_ros.core.losses.loss_input import LossInput
from ml3_ros.core.networks import Mlp, Structure
from ml3_ros.core.schedules import check_knots, hat_features
from ml3_ros.core.types import Batch, Params, scoped

LOG_FLOOR = 0.01  # keeps log(x^2) finite where a joint stands still
ERROR_FLOOR = 1e-8  # keeps the log of a vanishing mean squared error finite
SMALLEST_BOUND, LARGEST_BOUND = 1e-3, 20.0  # of the logarithm of a weight: e^20 squared is finite


class MetaLoss(Structure):
    """Base of all meta-losses: networks that give a number for how wrong a model is.

    Attributes:
        run: Samples of a batch that follow each other in time; 0 where their order is nothing.
        groups: Groups of parameters of a linear model that the loss tells apart.

    Args:
        n_outputs: Number k of predicted quantities.
        context_sizes: Names and sizes of the further observed inputs, in order.
    """

    run: int = 0
    groups: int = 0

    def __init__(self, n_outputs: int, context_sizes: Mapping[str, int]) -> None:
        super().__init__()
        self.n_outputs = n_outputs
        self.context_sizes = dict(context_sizes)

    @property
    def constant(self) -> str | None:
        """Scope of parameters within phi that are given rather than meta-trained, if any."""
        return None

    def evaluate(self, phi: Params, inputs: LossInput) -> Tensor:
        """Return the value (*lead,), whose gradient trains the model."""
        raise NotImplementedError

    def concatenate(self, context: Batch) -> list[Tensor]:
        """Return the context in declared order."""
        return [context[name] for name in self.context_sizes]


class MlpLoss(MetaLoss):
    """The paper's meta-loss: softplus(MLP([target, prediction, context])), averaged over B.

    Its minimum is wherever meta-training puts it, so it may be biased (section IV-A of the paper
    uses two hidden layers of 40).

    Args:
        n_outputs: Number k of predicted quantities.
        context_sizes: Names and sizes of the further observed inputs.
        hidden: Widths of the hidden layers.
        homogeneous: Whether layers are ReLU without biases, as in the authors' code for sine
            regression: far from the training data such a loss grows as it does near by. Else
            they are ELU with biases.
    """

    def __init__(
        self,
        n_outputs: int,
        context_sizes: Mapping[str, int],
        *,
        hidden: tuple[int, ...] = (40, 40),
        homogeneous: bool = False,
    ) -> None:
        super().__init__(n_outputs, context_sizes)
        n_inputs = 2 * n_outputs + sum(self.context_sizes.values())
        activation = "relu" if homogeneous else "elu"
        self.net = Mlp((n_inputs, *hidden, 1), activation=activation, output_bias=False)
        for i in range(len(hidden) * homogeneous):
            delattr(self.net, f"bias_{i}")

    def init(self, generator: Source, lead: tuple[int, ...] = ()) -> Params:
        """Return fresh phi."""
        names = dict(self.net.named_parameters())
        fresh = self.net.init(generator, lead)
        return {f"net.{k}": p for k, p in fresh.items() if k in names}

    def evaluate(self, phi: Params, inputs: LossInput) -> Tensor:
        """Return the value (*lead,), see `MetaLoss`."""
        x = torch.cat(
            [inputs.target, inputs.prediction, *self.concatenate(inputs.context)], dim=-1
        )
        return nn.functional.softplus(self.net.call(scoped(phi, "net"), x)).mean((-2, -1))


class StructuredLoss(MetaLoss):
    """A positive meta-loss whose minimum cannot move away from zero error.

    L = mean_b sum_j 2 w_j s_j^2 (sqrt(1 + (e_j / s_j)^2) - 1), e = prediction - target, where the
    weight w_j > 0 is a network of the context and s_j > 0, a learned constant, bounds the gradient
    of large errors. For small errors this is w_j e_j^2. It starts as the squared error: w = 1,
    s = e^2.

    Args:
        n_outputs: Number k of predicted quantities.
        context_sizes: Names and sizes of the further observed inputs.
        hidden: Widths of the hidden layers of the weight network.
        bound: Weights stay within e^-bound .. e^bound, also far outside the training data.
        normalised: Whether the weights of a batch have geometric mean 1, so that they set only
            which errors count more. Use it with Adam, which ignores the size of its gradients:
            there the size of the weights would drift.
        knots: Ages between which the weights may depend on the number of steps that the model has
            made; none if left out.
        error_statistics: Whether the weights see how large the errors of the batch are, per joint
            and in all (as numbers: no gradient flows through that).
    """

    def __init__(
        self,
        n_outputs: int,
        context_sizes: Mapping[str, int],
        *,
        hidden: tuple[int, ...] = (40, 40),
        bound: float = 6.0,
        normalised: bool = False,
        knots: tuple[float, ...] = (),
        error_statistics: bool = False,
    ) -> None:
        super().__init__(n_outputs, context_sizes)
        check_number("bound", bound, SMALLEST_BOUND, LARGEST_BOUND)
        if knots:
            check_knots(knots)
        self.bound, self.normalised = bound, normalised
        self.knots, self.error_statistics = knots, error_statistics
        n_context = sum(self.context_sizes.values())
        n_inputs = 2 * n_context + len(self.context_sizes) + len(knots)
        n_inputs += (n_outputs + 1) * error_statistics
        self.net = Mlp((n_inputs, *hidden, n_outputs), activation="elu", output_scale=0.0)
        self.declare({"log_scale": torch.full((n_outputs,), 2.0)})

    def init(self, generator: Source, lead: tuple[int, ...] = ()) -> Params:
        """Return fresh phi, at which the loss is the squared error."""
        phi = {f"net.{k}": p for k, p in self.net.init(generator, lead).items()}
        return {**phi, "log_scale": torch.full((*lead, self.n_outputs), 2.0)}

    def evaluate(self, phi: Params, inputs: LossInput) -> Tensor:
        """Return the value (*lead,), see `MetaLoss`."""
        error = inputs.prediction - inputs.target
        log_weight = self.log_weight(phi, inputs.context, error, inputs.count)
        return weighted_errors(
            error, log_weight, phi["log_scale"], bound=self.bound, normalised=self.normalised
        )

    def log_weight(self, phi: Params, context: Batch, error: Tensor, count: Tensor) -> Tensor:
        """Return the logarithm of every weight (*lead, B, k) before it is bounded."""
        return self.net.call(scoped(phi, "net"), self._features(context, error, count))

    def _features(self, context: Batch, error: Tensor, count: Tensor) -> Tensor:
        """Return the weight network's inputs (*lead, B, n_inputs)."""
        features = []
        if self.knots:
            features.append(hat_features(count, self.knots))
        if self.error_statistics:
            mean_square = error.detach().square().mean(-2)
            total = mean_square.mean(-1, keepdim=True)
            features += [0.5 * (x + ERROR_FLOOR).log() for x in (mean_square, total)]
        features = [x.unsqueeze(-2).expand(*error.shape[:-1], -1) for x in features]
        for x in self.concatenate(context):
            square = x.square()
            mean_square = square.mean(-1, keepdim=True)
            features += [x, (square + LOG_FLOOR).log(), (mean_square + LOG_FLOOR).log()]
        return torch.cat(features, dim=-1)


def weighted_errors(
    error: Tensor, log_weight: Tensor, log_scale: Tensor, *, bound: float, normalised: bool
) -> Tensor:
    """Return the value (*lead,) of errors with weights, each error bounded in its gradient.

    Args:
        error: Of every sample and output (*lead, B, k).
        log_weight: Likewise.
        log_scale: Logarithm of the error s beyond which the gradient hardly grows (*lead, k).
        bound: Weights stay within e^-bound .. e^bound.
        normalised: Whether the weights of a batch have geometric mean 1.
    """
    if normalised:
        log_weight = log_weight - log_weight.mean((-2, -1), keepdim=True)
    # a smooth bound: a hard one has no gradient, and what it stops never comes back
    weight = (bound * (log_weight / bound).tanh()).exp()
    scale = log_scale.clamp_min(0.0).exp().unsqueeze(-2)
    # 2 s^2 (sqrt(1 + (e/s)^2) - 1), written without the difference of nearly equal numbers
    penalty = 2.0 * error.square() / (1.0 + (1.0 + (error / scale).square()).sqrt())
    return (weight * penalty).sum(-1).mean(-1)


class SquaredError(MetaLoss):
    """The mean over B of the summed squared error: the baseline loss, with no phi at all."""

    def init(self, generator: Source, lead: tuple[int, ...] = ()) -> Params:
        """Return no parameters."""
        return {}

    def evaluate(self, phi: Params, inputs: LossInput) -> Tensor:
        """Return the value (*lead,), see `MetaLoss`."""
        return (inputs.prediction - inputs.target).square().sum(-1).mean(-1)
