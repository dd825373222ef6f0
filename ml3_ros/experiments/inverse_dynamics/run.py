# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Run of the inverse-dynamics experiment: `prepare` for all seeds, `run_seed` for one."""

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from ml3_ros.core.engine.engine import AUTOGRAD, Engine
from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.core.losses.prior import TaughtPrior
from ml3_ros.core.losses.rigid_body_prior import RigidBodyPrior
from ml3_ros.core.outer.trainer import MetaTrainer
from ml3_ros.data.metrics import resolved
from ml3_ros.experiments.inverse_dynamics.config import TUNING_SEED, InvdynConfig
from ml3_ros.experiments.inverse_dynamics.curves import learning_curves
from ml3_ros.experiments.inverse_dynamics.data import PartData
from ml3_ros.experiments.inverse_dynamics.hybrid_curves import hybrid_curves
from ml3_ros.experiments.inverse_dynamics.references import least_squares_curves, prior_curves
from ml3_ros.experiments.inverse_dynamics.starts import Starts, learned_starts, over_tasks
from ml3_ros.experiments.inverse_dynamics.tuning import baselines, run, tune, tuned_curves
from ml3_ros.experiments.runner.array_cache import cached, fingerprint
from ml3_ros.experiments.runner.experiment import Arrays, Report
from ml3_ros.tasks.inverse_dynamics.recipes import learned_loss
from ml3_ros.tasks.training import revision, train_losses


def prepare(config: InvdynConfig, scratch: Path, report: Report) -> Arrays:
    """Teach the priors, tune the baselines and run what does not depend on a seed.

    Returns:
        prior/PART/NAME, prior_options/PART (JSON), step_sizes/PART/KIND/METHOD (C,), and
        curve/PART/KIND/METHOD (1, tasks, C, n).
    """
    arrays: Arrays = {}
    for name, part in config.parts.items():
        data = PartData.of(config, name)
        if part.trained_in:
            prior = _prior(part.trained_in, arrays)
        else:
            prior = data.prior()
            report(f"{name}: relative errors of the taught prior {np.round(prior.error, 3)}")
            arrays[f"prior_options/{name}"] = np.array(json.dumps(prior.options))
            arrays |= {f"prior/{name}/{k}": p.numpy() for k, p in prior.params.items()}
        starts = learned_starts(data, prior, (TUNING_SEED,))
        for kind in data.population.tests:
            validation = data.validation(kind)
            for method, baseline in tqdm(baselines(part).items(), desc=f"{name}/{kind}: tuning"):
                theta = over_tasks(starts, baseline.start, validation)
                chosen = tune(validation, baseline, part.marks, seeds=(0,), theta=theta)
                arrays[f"step_sizes/{name}/{kind}/{method}"] = chosen
            test, known = data.test(kind), part.nle == "residual"
            references = least_squares_curves(test, config.robot, part.marks, nominal_known=known)
            references |= prior_curves(test, prior, part.marks)
            arrays |= {f"curve/{name}/{kind}/{k}": curve for k, curve in references.items()}
            report(f"{name}/{kind}: baselines tuned")
    return arrays


def run_seed(
    config: InvdynConfig,
    seed: int,
    shared: Arrays,
    scratch: Path,
    engine: Engine = AUTOGRAD,
) -> Arrays:
    """Meta-train every learned loss with one seed, and run every method on the test robots.

    Returns:
        curve/PART/KIND/METHOD (inits, tasks, C, n), and loss/PART/METHOD (bytes).
    """
    arrays: Arrays = {}
    trained: dict[str, dict[str, LearnedLoss]] = {}
    for name, part in config.parts.items():
        data = PartData.of(config, name)
        prior = _prior(part.trained_in or name, shared)
        if not part.trained_in:
            trained[name] = _train(data, prior, seed, scratch / name, engine)
            for method, loss in trained[name].items():
                arrays[f"loss/{name}/{method}"] = np.frombuffer(loss.to_bytes(), dtype=np.uint8)
        losses = {method: trained[part.trained_in or name][method] for method in part.learned}
        starts = learned_starts(data, prior, config.inits(seed))
        for kind in data.population.tests:
            path = scratch / f"{name}_{kind}.npz"
            hashes = [loss.sha256() for loss in losses.values()]
            depends_on = fingerprint(resolved(config), hashes, shared)
            curves = cached(
                path,
                depends_on,
                revision(),
                partial(_curves, data, name, kind, seed, losses, starts, shared),
            )
            arrays |= {f"curve/{name}/{kind}/{k}": curve for k, curve in curves.items()}
    return arrays


def _train(
    data: PartData, prior: TaughtPrior, seed: int, folder: Path, engine: Engine
) -> dict[str, LearnedLoss]:
    """Meta-train the losses of one seed, or load those that are done."""
    recordings, units = data.train(), data.population.units
    losses = {}
    for method in data.part.learned:
        recipe = data.part.recipe(method, data.config.n_tasks)
        trainer = recipe.trainer(recordings, units, data.config.robot, (seed,), prior, engine)

        def artefact(trainer: MetaTrainer, i: int, added: Mapping[str, Any]) -> LearnedLoss:
            return learned_loss(trainer, i, units, data.config.robot, added)

        losses[method] = train_losses(trainer, artefact, folder / method)[0]
    return losses


def _curves(
    data: PartData,
    name: str,
    kind: str,
    seed: int,
    losses: dict[str, LearnedLoss],
    starts: Starts,
    shared: Arrays,
) -> Arrays:
    """Run every method on the test robots of one kind."""
    part, inits, test = data.part, data.config.inits(seed), data.test(kind)
    on_test = partial(run, test, marks=part.marks, seeds=inits)
    curves: Arrays = {}
    bar = tqdm(total=len(losses) + 5, desc=f"{name}/{kind}", leave=False)
    distilled, streams = over_tasks(starts, "distilled", test), part.nle == "learned"
    for method, loss in losses.items():
        learn = partial(learning_curves, test, loss.spec, [loss.phi], part.marks, seeds=inits)
        curves[method] = learn()
        bar.update()
        if method == "ml3_prior" and streams and part.steps_per_window == 1:
            # whoever has the prior can start from it as well
            curves["ml3_prior_distilled"] = learn(theta=distilled)
            bar.update()
    own = losses[part.learned[0]].spec
    rule = own.inner_optimizer if own.inner_optimizer == "sgd" else "adam"
    curves[f"{rule}_same_step"] = on_test(rule, own.inner_lr)
    bar.update()
    for method, baseline in baselines(part).items():
        theta = over_tasks(starts, baseline.start, test)
        sizes = shared[f"step_sizes/{name}/{kind}/{method}"]
        curves[method] = tuned_curves(test, baseline, sizes, part.marks, seeds=inits, theta=theta)
        bar.update()
    friction = kind == "perturbed" and part.nle != "given"
    if friction and part.steps_per_window == 1 and "ml3_adaptive" in losses:
        curves |= hybrid_curves(
            test,
            data.config.robot,
            losses["ml3_adaptive"],
            part.marks,
            seeds=inits,
            nominal_known=part.nle == "residual",
        )
    bar.close()
    return curves


def _prior(name: str, shared: Arrays) -> TaughtPrior:
    """Return the prior that `prepare` taught for part `name`."""
    options: dict[str, Any] = {
        k: tuple(v) if isinstance(v, list) else v
        for k, v in json.loads(str(shared[f"prior_options/{name}"])).items()
    }
    prefix = f"prior/{name}/"
    params = {
        k.removeprefix(prefix): torch.from_numpy(np.array(p))
        for k, p in shared.items()
        if k.startswith(prefix)
    }
    network = RigidBodyPrior(
        options["power"],
        len(options["spread"]) + 1,
        hidden=options["prior_hidden"],
        with_nle=options["with_nle"],
    )
    return TaughtPrior(network=network, params=params, options=options, error=())
