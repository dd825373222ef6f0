# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""State-coverage reward: pays for states unlike the others of an episode, where no goal is near.

It exists at meta-training only, as way points do. After the episodic novelty of Savinov et al.
2019, with a smooth kernel, so that the gradient flows through the dynamics.
"""

from dataclasses import dataclass

from torch import Tensor

from ml3_ros.errors import ConfigError


@dataclass(frozen=True, kw_only=True, slots=True)
class Coverage:
    """How much an episode repeats itself, for task losses that shall reward exploration.

    Args:
        scale: Of each element of a state; the elements are compared in it.
        width: Of the kernel, in scaled states: nearer ones count as the same.
        weight: Of the term.
    """

    scale: tuple[float, ...]
    width: float = 0.5
    weight: float = 3.0

    def __post_init__(self) -> None:
        """Reject what compares nothing (ConfigError)."""
        if not all(x > 0.0 for x in (*self.scale, self.width, self.weight)):
            raise ConfigError("scale, width and weight of a coverage reward must be > 0")

    def repetition(self, states: Tensor) -> Tensor:
        """Return the penalty (*lead,) for states (*lead, T, n) that resemble each other.

        It is 0 where all of them differ, and `weight` where all are the same.
        """
        horizon = states.shape[-2]
        scaled = states / states.new_tensor(self.scale)
        far = (scaled.unsqueeze(-2) - scaled.unsqueeze(-3)).square().sum(-1)
        alike = (-0.5 * far / self.width**2).exp().sum(-1)  # each with all, itself included
        share = alike.log() / states.new_tensor(float(horizon)).log()
        return self.weight * share.mean(-1)
