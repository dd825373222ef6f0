# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Rules whose step sizes are learned together with the loss, by role and age of the parameters."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ml3_ros.core.inner_optimizers import Adam, Sgd
from ml3_ros.core.schedules import check_knots, hat_features
from ml3_ros.core.types import Params, append_dimensions
from ml3_ros.errors import ConfigError

STEP_SIZES = "step_sizes"  # name within phi
BOUND = 4.0  # step sizes stay within e^-4 .. e^4 of the initial one


@dataclass(frozen=True)
class ScheduledSteps:
    """A rule with the step size inner_lr * exp(s_r(t)) for parameters of role r at age t.

    phi["step_sizes"] (*lead, R, K) holds s_r at the knots; between them s_r is linear in
    log(1 + t). At zero this is the rule itself. A role is what a parameter is in its network, for
    instance "hidden.weight", so step sizes learned on one network serve others of any depth and
    width.

    Args:
        rule: The rule at s = 0.
        role_names: Roles with a learned step size (R,).
        knots: Ages (K,), increasing from 0.
        roles: Role of each parameter of the model, by name.
        factors: By what else to multiply the step size of some parameters, by name.

    Raises:
        ConfigError: If the model has a role for which no step size was learned.
    """

    rule: Adam | Sgd
    role_names: tuple[str, ...]
    knots: tuple[float, ...]
    roles: Mapping[str, str]
    factors: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_knots(self.knots)
        unknown = sorted(set(self.roles.values()) - set(self.role_names))
        if unknown:
            raise ConfigError(
                f"the loss has no step size for {', '.join(unknown)}, only for "
                f"{', '.join(self.role_names)}: use a loss that was trained for such a model"
            )

    def init(self, theta: Params, lead: tuple[int, ...] = ()) -> Params:
        """Return the state before the first step."""
        return self.rule.init(theta, lead)

    def step(
        self, theta: Params, grads: Params, state: Params, phi: Params
    ) -> tuple[Params, Params]:
        """Return (theta', state')."""
        directions, new_state = self.rule.directions(theta, grads, state)
        sizes = self.step_sizes(phi, state["count"])
        index = {role: i for i, role in enumerate(self.role_names)}
        new_theta = {}
        for k, p in theta.items():
            size = sizes[..., index[self.roles[k]]] * self.factors.get(k, 1.0)
            new_theta[k] = p - append_dimensions(size, p) * directions[k]
        return new_theta, new_state

    def step_sizes(self, phi: Params, count: Tensor) -> Tensor:
        """Return the step size [-] of every role (*lead, R) for models of age `count` (*lead,)."""
        shares = hat_features(count, self.knots)
        log_factor = (phi[STEP_SIZES] * shares.unsqueeze(-2)).sum(-1)
        return self.rule.inner_lr * (BOUND * torch.tanh(log_factor / BOUND)).exp()
