# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A meta-loss that learns which residuals to believe, and how far to trust what was known before.

L = sum_tj w_phi(s_tj) e_tj^2 + sum_k lambda_phi,k theta_k^2. The weights see residuals around each
sample in time and along the arm, not the torque itself; where something touches the arm they can
go to zero. The pull holds parameters of a linear model that the samples do not show.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from ml3_ros.core.checks import check_number, check_whole
from ml3_ros.core.draws import Source
from ml3_ros.core.losses.loss_input import LossInput
from ml3_ros.core.losses.meta_losses import MetaLoss
from ml3_ros.core.losses.weighting.residual_context import ResidualContext
from ml3_ros.core.networks import Mlp
from ml3_ros.core.types import Params, scoped
from ml3_ros.errors import ConfigError

BOUND = 10.0  # of the logarithm of a weight
MAX_GROUPS = 64


class WeightedLoss(MetaLoss):
    """Squared errors with learned weights, and a learned pull of a linear model to its start.

    It starts as the mean squared error, with a pull of the given strength. Weights are shared by
    all joints, so one loss serves arms of any number of joints. Context must hold "v" [rad/s];
    what else it holds has a number for every joint, such as the weights of an earlier fit.

    Args:
        n_outputs: Number of joints.
        context_sizes: Names and sizes of the further observed inputs.
        hidden: Widths of the hidden layers of the weight network.
        spacing: Time between neighbouring samples of a run [s].
        windows: Lengths of time that residuals are averaged over [s].
        run: Samples of a run, which follow each other in a batch; 0: the batch is one run.
        causal: Whether weights depend on the past alone.
        newest: Lengths of time before the newest sample of a run [s], see `ResidualContext`: with
            any, weights also depend on the age of a sample and on whether the arm has changed.
        groups: Number of groups of parameters with a pull of their own; 0: no pull.
        pull: What it starts at, per sample.
        prior: Samples that the pull is worth, however many there are, as on a stream; 0: as many
            as there are.
    """

    def __init__(
        self,
        n_outputs: int,
        context_sizes: Mapping[str, int],
        *,
        hidden: tuple[int, ...] = (24, 24),
        spacing: float = 0.02,
        windows: tuple[float, ...] = (0.1, 0.3, 1.0, 3.0),
        run: int = 0,
        causal: bool = False,
        newest: tuple[float, ...] = (),
        groups: int = 0,
        pull: float = 1e-3,
        prior: int = 0,
    ) -> None:
        super().__init__(n_outputs, context_sizes)
        if "v" not in self.context_sizes or set(self.context_sizes.values()) != {n_outputs}:
            raise ConfigError(
                f'a weighted loss of {n_outputs} joints needs their velocities as context "v", '
                f"and a number for every joint of each other input, got {self.context_sizes}"
            )
        self.others = tuple(name for name in self.context_sizes if name != "v")
        if not windows:
            raise ConfigError("windows: name at least one length of time")
        for name, lengths in (("windows", windows), ("newest", newest)):
            for length in lengths:
                check_number(name, length, 1e-6, 1e6)
        if causal and newest:
            raise ConfigError(
                "newest: causal weights cannot depend on the newest samples; leave one of both out"
            )
        check_number("spacing", spacing, 1e-6, 1e6)
        check_whole("run", run, 0, 2**20)
        check_whole("groups", groups, 0, MAX_GROUPS)
        check_number("pull", pull, 1e-12, 1e12)
        check_whole("prior", prior, 0, 2**20)
        self.context = ResidualContext(
            spacing=spacing, windows=windows, causal=causal, newest=newest
        )
        self.run, self.groups, self.pull, self.prior = run, groups, pull, prior
        n_features = self.context.size + len(self.others)
        self.net = Mlp((n_features, *hidden, 1), activation="tanh", output_scale=0.0)
        self.declare({"pull_strength": torch.zeros(groups)})

    def init(self, generator: Source, lead: tuple[int, ...] = ()) -> Params:
        """Return fresh phi, at which the loss is the mean squared error with its first pull."""
        phi = {f"net.{k}": p for k, p in self.net.init(generator, lead).items()}
        return phi | {"pull_strength": torch.zeros(*lead, self.groups)}

    def evaluate(self, phi: Params, inputs: LossInput) -> Tensor:
        """Return the value (*lead,), see `MetaLoss`."""
        error = inputs.prediction - inputs.target
        weights = self.weights(phi, error, inputs)
        return (weights * error.square()).sum(-1).mean(-1)

    def weights(self, phi: Params, error: Tensor, inputs: LossInput) -> Tensor:
        """Return the weight of every residual (*lead, B, n), positive, from residuals likewise.

        Raises:
            ConfigError: The samples are no whole number of runs.
        """
        v = inputs.context["v"]
        run = self.run or error.shape[-2]
        if error.shape[-2] % run:
            raise ConfigError(
                f"{error.shape[-2]} samples are no whole number of runs of {run}: make batches of "
                f"a multiple of {run}, or train a loss for shorter runs"
            )
        given = (inputs.context[name] for name in self.others)
        signals = (error, v, -inputs.target, *given)
        residuals, speeds, start, *others = (x.unflatten(-2, (-1, run)) for x in signals)
        features = self.context.features(residuals, speeds, inputs.count, start, others)
        features = features.flatten(-4, -2)
        log_weight = self.net.call(scoped(phi, "net"), features).squeeze(-1)
        weights = (BOUND * torch.tanh(log_weight / BOUND)).exp()
        return weights.reshape(*weights.shape[:-1], *error.shape[-2:])

    def pulls(self, phi: Params, n_samples: int) -> Tensor:
        """Return the strength of every group's pull (*lead, G) beside a sum over samples."""
        return (self.prior or n_samples) * self.pull * phi["pull_strength"].exp()
