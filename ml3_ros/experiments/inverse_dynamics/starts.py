# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Models that baselines begin with: distilled from the prior, pretrained, or meta-learned."""

from collections.abc import Mapping, Sequence

from ml3_ros.core.losses.prior import TaughtPrior
from ml3_ros.core.types import Params
from ml3_ros.experiments.inverse_dynamics.config import CLIP
from ml3_ros.experiments.inverse_dynamics.data import PartData
from ml3_ros.experiments.inverse_dynamics.distilled import distil
from ml3_ros.experiments.rivals.maml import meta_learn_start
from ml3_ros.experiments.rivals.pretrained import pretrain
from ml3_ros.learners.inverse_dynamics.squared_error import squared_error
from ml3_ros.tasks.inverse_dynamics.family import InverseDynamicsFamily

Starts = Mapping[str, Params]
"""Models (seeds, *shape) by the name of the start."""

MAML_STEP = 0.01  # of the inner steps that a start is meta-learned through


def learned_starts(data: PartData, prior: TaughtPrior, seeds: Sequence[int]) -> Starts:
    """Return the models that baselines of a part begin with."""
    config, family = data.config, data.train_family()
    net = family.optimizee
    pretrained = pretrain(family, seeds, config.pretraining)
    inner = squared_error(net.units, net.target, "sgd", MAML_STEP, CLIP).learner(net)
    return {
        "distilled": distil(
            prior, net, data.workspace(), n_steps=config.distil_steps, seeds=tuple(seeds)
        ),
        "pretrained": pretrained,
        "maml": meta_learn_start(family, inner, pretrained, seeds, config.maml),
    }


def over_tasks(starts: Starts, name: str, family: InverseDynamicsFamily) -> Params | None:
    """Return a start for every task, (seeds, tasks, *shape); None for random networks."""
    if name == "random":
        return None
    n = len(family.recordings)
    return {k: p.unsqueeze(1).expand(len(p), n, *p.shape[1:]) for k, p in starts[name].items()}
