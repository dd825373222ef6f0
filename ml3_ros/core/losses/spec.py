# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The specification of a meta-loss: architecture, inputs and update rule, all but its phi."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import torch
from torch import nn

from ml3_ros.core.checks import (
    LARGEST,
    SMALLEST,
    check_list,
    check_name,
    check_number,
    check_numbers,
    check_text,
    check_whole,
    quoted,
)
from ml3_ros.core.inner_optimizers import Adam, InnerOptimizer, Sgd
from ml3_ros.core.learned_steps import STEP_SIZES, ScheduledSteps
from ml3_ros.core.learner import Learner
from ml3_ros.core.linear_model import LeastSquares
from ml3_ros.core.losses.architectures import make_meta_loss
from ml3_ros.core.losses.meta_losses import MetaLoss
from ml3_ros.core.losses.scaled import ScaledLoss
from ml3_ros.core.networks import FunctionalModule
from ml3_ros.core.schedules import check_knots
from ml3_ros.core.types import Params
from ml3_ros.errors import ConfigError

DESCENTS = ("sgd", "scheduled_sgd")
SCHEDULED = ("scheduled_sgd", "scheduled_adam")
LEAST_SQUARES = "least_squares"
INNER_OPTIMIZERS = ("sgd", "adam", *SCHEDULED, LEAST_SQUARES)
MAX_ROLES = MAX_CONTEXT = 64  # both bound what a description from outside can make us allocate
MAX_WIDTH = 2**20  # of a layer
SMALLEST_STEP, LARGEST_STEP = 1e-12, 1e12
SMALLEST_NORM, LARGEST_NORM = 1e-12, 1e12


@dataclass(frozen=True, kw_only=True, slots=True)
class InputSpec:
    """One named input of a loss.

    Attributes:
        name: Key in the batch.
        unit: Unit of its elements, for instance "N m".
        scale: Size of each element that the network sees as 1, in that unit, (k,).
        labels: What each element belongs to, for instance the joint's name; (k,) or empty.
    """

    name: str
    unit: str
    scale: tuple[float, ...]
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_name("name of an input", self.name)
        check_text(f"input {self.name!r}: its unit", self.unit)
        check_numbers(f"input {self.name!r}: every scale", self.scale, SMALLEST, LARGEST)
        check_list(f"input {self.name!r}: every label", self.labels, check_name)
        if not self.scale:
            raise ConfigError(f"input {self.name!r} has no scale: give one for each element")
        if self.labels and len(self.labels) != len(self.scale):
            raise ConfigError(
                f"input {self.name!r}: {len(self.scale)} scales but {len(self.labels)} labels"
            )
        if len(set(self.labels)) != len(self.labels):
            raise ConfigError(
                f"input {self.name!r}: labels must differ, got {quoted(self.labels)}"
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class LossSpec:
    """Architecture, inputs and update rule of a learned loss.

    Attributes:
        architecture: Name of the network, see `architectures.ARCHITECTURES`.
        target: What the prediction is compared to; prediction and target share its scale.
        context: Further observed inputs, in the network's order.
        options: Options of the architecture.
        inner_optimizer: The update rule that the loss was trained with: "sgd", "adam",
            "scheduled_sgd", "scheduled_adam", whose step sizes were learned with the loss, or
            "least_squares", which minimises the loss of a linear model with its weights fixed.
        inner_lr: Its step size, or what learned step sizes started from [-].
        clip_norm: Largest norm of the gradient on theta (with gradient descent), or None.
        momentum: Nesterov's (with gradient descent).
        roles: With learned step sizes, the roles that have one, see `FunctionalModule.roles`.
        knots: With learned step sizes, the ages between which they change.
        width: With learned step sizes, the width of the layers that they were learned on. Steps
            of weights behind wider layers are then smaller in proportion (Yang and Hu 2021); those
            behind narrower ones grow with the root alone, which trains deep narrow networks
            better. None leaves steps alike for all widths.
    """

    architecture: str
    target: InputSpec
    context: tuple[InputSpec, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    inner_optimizer: str = "sgd"
    inner_lr: float = 1e-2
    clip_norm: float | None = None
    momentum: float = 0.0
    roles: tuple[str, ...] = ()
    knots: tuple[float, ...] = ()
    width: int | None = None

    def __post_init__(self) -> None:
        self._check_inputs()
        self._check_rule()
        if not isinstance(self.options, dict) or not all(isinstance(k, str) for k in self.options):
            raise ConfigError(f"options must be values by name, got {quoted(self.options)}")

    def _check_inputs(self) -> None:
        if len(self.context) > MAX_CONTEXT:
            raise ConfigError(f"{len(self.context)} inputs are too many: {MAX_CONTEXT} at most")
        names = [self.target.name, *(c.name for c in self.context)]
        if len(set(names)) != len(names):
            raise ConfigError(
                f"inputs must have names of their own, and not the target's, got {quoted(names)}"
            )
        for signal in self.context:
            if signal.labels not in ((), self.target.labels):
                raise ConfigError(
                    f"input {signal.name!r} is labelled {quoted(signal.labels)}, but the target "
                    f"{quoted(self.target.labels)}: label both alike, or leave the input's out"
                )

    def _check_rule(self) -> None:
        if self.inner_optimizer not in INNER_OPTIMIZERS:
            raise ConfigError(
                f"no inner optimizer {quoted(self.inner_optimizer)}: use one of "
                f"{', '.join(INNER_OPTIMIZERS)}"
            )
        check_number("inner_lr", self.inner_lr, SMALLEST_STEP, LARGEST_STEP)
        check_number("momentum", self.momentum, 0.0, 1.0)
        if self.clip_norm is not None:
            check_number("clip_norm", self.clip_norm, SMALLEST_NORM, LARGEST_NORM)
        if self.inner_optimizer not in DESCENTS and (self.clip_norm is not None or self.momentum):
            raise ConfigError(
                f"clip_norm={self.clip_norm}, momentum={self.momentum}: only 'sgd' and "
                "'scheduled_sgd' have them"
            )
        Sgd(self.inner_lr, self.clip_norm, self.momentum)  # rejects what is left of wrong values
        self._check_learned_steps()

    def _check_learned_steps(self) -> None:
        check_list("roles", self.roles, check_name)
        learned = self.inner_optimizer in SCHEDULED
        if learned:
            check_knots(self.knots)
        elif self.knots != ():
            raise ConfigError(
                f"knots={quoted(self.knots)}: {' and '.join(SCHEDULED)} alone have any"
            )
        if learned != (0 < len(self.roles) <= MAX_ROLES):
            raise ConfigError(
                f"{self.inner_optimizer!r} with {len(self.roles)} roles: "
                f"{' and '.join(SCHEDULED)} need 1 to {MAX_ROLES}, the others have none"
            )
        if len(set(self.roles)) != len(self.roles):
            raise ConfigError(f"roles must differ, got {quoted(self.roles)}")
        if self.width is not None:
            if not learned:
                raise ConfigError(
                    f"width={quoted(self.width)}: {' and '.join(SCHEDULED)} alone have one"
                )
            check_whole("width", self.width, 1, MAX_WIDTH)

    def network(self) -> MetaLoss:
        """Build the network that phi fills."""
        sizes = {c.name: len(c.scale) for c in self.context}
        return make_meta_loss(self.architecture, len(self.target.scale), sizes, **self.options)

    def init_phi(self, generator: torch.Generator, lead: tuple[int, ...] = ()) -> Params:
        """Return fresh phi: the network's, and learned step sizes at their start."""
        phi = self.network().init(generator, lead)
        if self.roles:
            phi[STEP_SIZES] = torch.zeros(*lead, len(self.roles), len(self.knots))
        return phi

    def constants(self, phi: Params) -> Params:
        """Return the part of phi that is given rather than learned, such as a physics prior."""
        scope = self.network().constant
        return {k: p for k, p in phi.items() if scope and k.startswith(f"{scope}.")}

    def stack_phi(self, phis: Sequence[Params]) -> Params:
        """Return one phi for many models: (len(phis), 1, *shape), constants as they are."""
        constants = self.constants(phis[0])
        learned = {k: torch.stack([phi[k] for phi in phis]) for k in phis[0] if k not in constants}
        return {k: p.unsqueeze(1) for k, p in learned.items()} | constants

    def phi_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of every tensor of phi, by name; takes no memory, however large."""
        with torch.device("meta"):
            return {k: tuple(p.shape) for k, p in self.init_phi(torch.Generator()).items()}

    def optimizer(self, optimizee: nn.Module) -> InnerOptimizer | LeastSquares:
        """Return the update rule h for a model.

        Raises:
            ConfigError: If step sizes were learned, but not for all of the model's parameters.
        """
        if self.inner_optimizer == LEAST_SQUARES:
            return LeastSquares()
        rule: Sgd | Adam = Adam(self.inner_lr)
        if self.inner_optimizer in DESCENTS:
            rule = Sgd(self.inner_lr, self.clip_norm, self.momentum)
        if self.inner_optimizer not in SCHEDULED:
            return rule
        if not isinstance(optimizee, FunctionalModule):
            raise ConfigError(
                f"{self.inner_optimizer!r} learns a step size for each role of a parameter, which "
                "only a FunctionalModule knows: use 'sgd' or 'adam'"
            )
        width, fan_in = self.width, optimizee.fan_in()
        ratios = {k: width / n for k, n in fan_in.items()} if width else {}
        factors = {k: min(ratio, math.sqrt(ratio)) for k, ratio in ratios.items()}
        return ScheduledSteps(rule, self.roles, self.knots, optimizee.roles(), factors)

    def loss(self) -> ScaledLoss:
        """Return the loss as the inner loop evaluates it, on batches in their own units."""
        return ScaledLoss(
            network=self.network(),
            target=self.target.name,
            target_gain=1.0 / torch.tensor(self.target.scale),
            context_gains={c.name: 1.0 / torch.tensor(c.scale) for c in self.context},
        )

    def learner(self, optimizee: nn.Module) -> Learner:
        """Return a model with this loss and its update rule.

        Raises:
            ConfigError: If step sizes were learned, but not for all of the model's parameters.
        """
        return Learner(optimizee, self.loss(), self.optimizer(optimizee))

    def of_size(self, n_outputs: int, **options: Any) -> "LossSpec":
        """Return the same loss for other models, where its parameters are shared by all outputs.

        Args:
            n_outputs: Of the models; every input gets so many elements, of its first scale.
            **options: Of the architecture, to be changed.
        """

        def resized(signal: InputSpec) -> InputSpec:
            return replace(signal, scale=signal.scale[:1] * n_outputs, labels=())

        context = tuple(map(resized, self.context))
        target, options = resized(self.target), self.options | options
        return replace(self, target=target, context=context, options=options)

    def to_dict(self) -> dict[str, Any]:
        """Return the specification as plain JSON-able data."""
        data = asdict(self)
        if not self.momentum:
            del data["momentum"]  # files from before there was one stay as they are
        return data

    @staticmethod
    def from_dict(data: dict[str, Any]) -> "LossSpec":
        """Rebuild a specification from `to_dict`'s data.

        Raises:
            KeyError, TypeError, ValueError: If the data are not those of a specification.
        """

        def flat(value: Any) -> Any:
            return tuple(value) if isinstance(value, list) else value

        def input_spec(fields: dict[str, Any]) -> InputSpec:
            return InputSpec(**{k: flat(v) for k, v in fields.items()})

        rest = {k: flat(v) for k, v in data.items() if k not in ("target", "context", "options")}
        context = data["context"]
        if not isinstance(context, list) or len(context) > MAX_CONTEXT:
            raise ConfigError(
                f"context must be a list of at most {MAX_CONTEXT} inputs, got {quoted(context)}"
            )
        return LossSpec(
            target=input_spec(data["target"]),
            context=tuple(map(input_spec, context)),
            options={k: flat(v) for k, v in data["options"].items()},
            **rest,
        )
