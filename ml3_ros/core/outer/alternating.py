# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Meta-training of one loss on several families in turn, where their models fit no common batch.

Arms with other numbers of joints are such families: the loss is shared by all joints, the models
are not of one size.
"""

from collections.abc import Sequence

from ml3_ros.core.outer.trainer import MetaTrainer, OuterStep
from ml3_ros.core.types import Params
from ml3_ros.errors import ConfigError


class AlternatingTrainer:
    """Makes each outer step on the next of several families, with one phi and one Adam for all.

    Every family keeps its own models from one of its turns to the next. Used like a `MetaTrainer`,
    whose losses, configuration and seeds are those of the first part.

    Args:
        parts: Freshly built, one a family. Their losses may differ in the number of outputs and in
            scales alone, and their configurations not at all: its outer steps are those of all
            families together.

    Attributes:
        parts: See there.
        step_count: Outer steps made so far.
    """

    def __init__(self, parts: Sequence[MetaTrainer]) -> None:
        """Join the trainers.

        Raises:
            ConfigError: There are none, or they do not train one loss.
        """
        if not parts:
            raise ConfigError("parts: give at least one trainer")
        first, *others = self.parts = tuple(parts)
        for part in others:
            if (part.config, part.seeds) != (first.config, first.seeds):
                raise ConfigError("parts: their configurations and seeds must be the same")
            if part.spec.phi_shapes() != first.spec.phi_shapes() or part.constants:
                raise ConfigError(
                    "parts: their losses have other parameters; take an architecture whose "
                    "parameters are shared by all outputs, such as 'weighted'"
                )
            part.phi, part.outer_state = first.phi, first.outer_state
        self.step_count = 0
        self.spec, self.config, self.seeds = first.spec, first.config, first.seeds

    @property
    def done(self) -> bool:
        """Whether all outer steps have been made."""
        return self.step_count >= self.config.n_outer_steps

    def step(self) -> OuterStep:
        """Make one iteration of Algorithm 1 on the family whose turn it is."""
        part = self.parts[self.step_count % len(self.parts)]
        part.step_count = self.step_count
        done = part.step()
        self.step_count += 1
        return done

    def seed_phi(self, index: int) -> Params:
        """Return the parameters of the loss of seed number `index`."""
        return self.parts[0].seed_phi(index)


Trainer = MetaTrainer | AlternatingTrainer
"""What trains losses, one per seed."""
