# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Networks to begin with, and features, that were learned on the robots of meta-training."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from ml3_ros.core.types import Params, with_lead
from ml3_ros.experiments.rivals.bayesian_last_layer import (
    BayesianLastLayer,
    Moments,
    meta_learn_features,
)
from ml3_ros.experiments.rivals.maml import meta_learn_start
from ml3_ros.experiments.rivals.pretrained import TORQUE, pretrain
from ml3_ros.experiments.working.config import CLIP, WorkingExperimentConfig
from ml3_ros.experiments.working.robots import Robots
from ml3_ros.learners.inverse_dynamics.net import InverseDynamicsNet
from ml3_ros.learners.inverse_dynamics.squared_error import squared_error

INERTIA = (("inertia", 1.0),)
MAML_STEP = 0.01  # of the inner steps that a start is meta-learned through
FEATURES = (64, 32)  # hidden layers of ALPaCA: its posterior costs the cube of the last


def learned_starts(
    robots: Robots, config: WorkingExperimentConfig, seeds: Sequence[int]
) -> dict[str, Params]:
    """Return the networks to begin with by name, (seeds, *shape).

    "pretrained" is trained on measured torques, "pretrained_inertia" on M(q), as shaped losses
    are; "maml" goes on from the first.
    """
    family, units = robots.family(), robots.population.units
    pretrained = pretrain(family, seeds, config.pretraining, TORQUE)
    net = family.optimizee
    inner = squared_error(units, net.target, "sgd", MAML_STEP, CLIP).learner(net)
    return {
        "pretrained": pretrained,
        "pretrained_inertia": pretrain(family, seeds, config.pretraining, INERTIA),
        "maml": meta_learn_start(family, inner, pretrained, seeds, config.maml),
    }


def over_tasks(start: Params, index: int, n: int) -> Params:
    """Return start number `index` of (seeds, *shape) for n tasks, (1, n, *shape)."""
    return {k: p[index].expand(1, n, *p.shape[1:]) for k, p in start.items()}


def learned_features(
    robots: Robots, config: WorkingExperimentConfig, seeds: Sequence[int]
) -> Params:
    """Return ALPaCA's features and prior, (seeds, *shape)."""
    return meta_learn_features(robots.family(net=_net(robots)), seeds, config.last_layer)


def last_layer_curves(
    test: Robots, phi: Params, seed: int, marks: Sequence[int]
) -> NDArray[np.float64]:
    """Return the errors (1, tasks, C, 3) of ALPaCA on the batches that all methods see.

    Args:
        test: The robots.
        phi: Features and prior of one seed (1, *shape).
        seed: Of the batches.
        marks: Numbers of gradient steps of the others.
    """
    net = _net(test)
    model = BayesianLastLayer(net)
    shared = {k: p.unsqueeze(1) for k, p in phi.items()}
    lead = (1, len(test))
    tasks, generators = torch.arange(lead[1]), [torch.Generator().manual_seed(seed)]
    family = test.family()
    family.init(tasks, generators)  # others draw random networks before their first batch
    moments = Moments(
        torch.zeros(*lead, model.size, model.size), torch.zeros(*lead, model.size, model.n)
    )
    rows = []
    with torch.no_grad():
        for step in range(marks[-1] + 1):
            if step in marks:
                rows.append(test.measure(net, model.theta(shared, moments)))
            batch = family.support(tasks, torch.full_like(tasks, step), generators)
            moments = moments + model.moments(shared, with_lead(batch, lead))
    return torch.stack(rows, dim=2).double().numpy()


def _net(robots: Robots) -> InverseDynamicsNet:
    return InverseDynamicsNet(robots.population.units, nle="given", hidden=FEATURES)
