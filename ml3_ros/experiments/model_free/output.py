# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Table, metrics, losses and figure of model-free reinforcement learning."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from ml3_ros.data.metrics import Metrics, resolved
from ml3_ros.experiments.model_free.config import LOSSES, MAIN, ModelFreeConfig, candidates
from ml3_ros.experiments.model_free.figure import RIVAL, Array, figure, halves, name_of
from ml3_ros.experiments.model_free.recipes import setting
from ml3_ros.experiments.model_free.run import prepare, run_seed
from ml3_ros.experiments.runner.adaptation import by_method, save_losses
from ml3_ros.experiments.runner.experiment import Arrays, Experiment, Report
from ml3_ros.reports.styles import in_order
from ml3_ros.reports.tables import number_in_range, text_table

ELSEWHERE = "@elsewhere"  # suffix of curves on goals where no loss was meta-trained
ARCHITECTURES = "@architectures"  # suffix of curves on all goals, of other policies
SHARE = 0.8  # of the way from fresh policies to the best one
BOOTSTRAPS = 2000
SHOWN = (0, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000)


def finish(
    config: ModelFreeConfig, seeds: dict[int, Arrays], shared: Arrays, out: Path, report: Report
) -> tuple[Path, ...]:
    """Write metrics.json, the losses and the figure; report tables."""
    result = metrics(config, seeds, shared)
    result.save(out)
    save_losses(seeds, out)
    report(tables(config, seeds))
    report("\n".join(f"{key}: {value:.3g}" for key, value in result.headline.items()))
    return figure(config, seeds, out)


def steps_to_share(
    found: dict[str, Array], x: tuple[int, ...], fresh: Array | None = None
) -> dict[str, Array]:
    """Return after how many steps (seeds, goals) a method is 80 % of the way to the best policy.

    The way leads from the mean of all fresh policies to the best policy of any method, on this
    goal of this seed. A run that never comes so far gets infinity.

    Args:
        found: Costs (seeds, goals, x) by method; one may have fewer evaluations than others.
        x: Environment steps.
        fresh: Costs of fresh policies (seeds, goals); None is the mean of all methods at 0 steps,
            which is right where none has seen other goals before.
    """
    if fresh is None:
        fresh = np.mean([cost[..., 0] for cost in found.values()], axis=0)
    best = np.min([cost.min(-1) for cost in found.values()], axis=0)
    target = (fresh - SHARE * (fresh - best))[..., None]
    steps = {}
    for name, cost in found.items():
        reached = cost <= target
        steps[name] = np.where(reached.any(-1), np.array(x, float)[reached.argmax(-1)], np.inf)
    return steps


def ratio(rival: Array, own: Array, budget: float) -> tuple[float, float, float]:
    """Return mean steps of the rival over own mean steps, and its 95 % bootstrap interval.

    Runs that never came there count with the whole budget, of either: this is too little for both.
    Seeds are drawn anew, and the goals of each.

    Args:
        rival: Steps (seeds, goals).
        own: Likewise.
        budget: Steps that a run has.
    """
    rival, own = np.minimum(rival, budget), np.minimum(own, budget)
    generator = np.random.default_rng(0)
    n_seeds, n_goals = own.shape
    rows = generator.integers(n_seeds, size=(BOOTSTRAPS, n_seeds, 1))
    columns = generator.integers(n_goals, size=(BOOTSTRAPS, n_seeds, n_goals))
    ratios = rival[rows, columns].mean((1, 2)) / own[rows, columns].mean((1, 2))
    low, high = np.quantile(ratios, (0.025, 0.975))
    return float(rival.mean() / own.mean()), float(low), float(high)


def metrics(config: ModelFreeConfig, seeds: dict[int, Arrays], shared: Arrays) -> Metrics:
    """Return the cost over environment steps, on new goals as in meta-training, and elsewhere.

    Of every method "NAME/steps", the median number of steps to 80 % of the best performance, and
    "NAME/reached", the share of runs that come there; of every loss "NAME/ratio" with its 95 %
    interval "NAME/ratio_low" and "NAME/ratio_high", how many times more steps PPO takes in the
    mean; the same on the two halves of the goals, with suffix. "meta_training_steps" are those of
    one loss, "NAME/break_even" after how many policies they are saved; "greedy_action/cost" is the
    cost of acting by the target action of the loss, without a policy.
    """
    about = {
        "x": "environment steps of the policy, without those of meta-training",
        "y": "minus the mean return of an episode",
    }
    result = Metrics(name_of(config), resolved(config) | about)
    found, x = by_method(seeds, "cost"), config.x
    for name, cost in found.items():
        for suffix, curve in zip(("", ELSEWHERE), halves(cost), strict=True):
            result.add(name + suffix, x[: curve.shape[1]], curve)
    for n, cost in by_method(seeds, "layers").items():
        result.add(f"hidden_layers_{n}{ARCHITECTURES}", x[: cost.shape[2]], cost.mean(1))
    greedy = np.stack([arrays["wanted"] for arrays in seeds.values()])
    result.headline["greedy_action/cost"] = float(greedy.mean())
    half = config.n_goals // 2
    parts = {"": slice(None), "@trained": slice(half), ELSEWHERE: slice(half, None)}
    chosen = setting(config.world)
    taken = chosen.meta_training_steps(
        chosen.make(1),
        replace(chosen.meta_training, n_outer_steps=config.outer_steps),
    )
    for suffix, part in parts.items():
        steps = steps_to_share({name: cost[:, part] for name, cost in found.items()}, x)
        for name, own in steps.items():
            result.headline[f"{name}/steps{suffix}"] = float(np.median(own))
            result.headline[f"{name}/reached{suffix}"] = float(np.isfinite(own).mean())
            result.headline[f"{name}/best_cost{suffix}"] = float(
                found[name][:, part].min(-1).mean()
            )
            result.headline[f"{name}/last_cost{suffix}"] = float(found[name][:, part, -1].mean())
            if name in LOSSES:
                numbers = ratio(steps[RIVAL], own, config.budget)
                for key, value in zip(("ratio", "ratio_low", "ratio_high"), numbers, strict=True):
                    result.headline[f"{name}/{key}{suffix}"] = value
    rival = np.minimum(steps_to_share(found, x)[RIVAL], config.budget).mean()
    own = np.minimum(steps_to_share(found, x)[MAIN], config.budget).mean()
    result.headline["meta_training_steps"] = float(taken)
    saved = rival - own
    result.headline[f"{MAIN}/break_even"] = float(taken / saved) if saved > 0.0 else float("inf")
    result.config["ppo"] = resolved(candidates(config)[int(shared["choice/ppo"])])
    return result


def tables(config: ModelFreeConfig, seeds: dict[int, Arrays]) -> str:
    """Return tables of returns: mean over the seeds [lowest highest]."""
    found = by_method(seeds, "cost")
    marks = [i for i, x in enumerate(config.x) if any(_near(config.x, s) == i for s in SHOWN)]
    parts = []
    for i, title in enumerate(("goals as in meta-training", "goals elsewhere")):
        rows = []
        for name in in_order(list(found)):
            curve = -halves(found[name])[i].T
            shown = [curve[mark] if mark < len(curve) else None for mark in marks]
            cells = [
                "" if c is None else number_in_range(c.mean(), c.min(), c.max()) for c in shown
            ]
            rows.append([name, *cells])
        parts.append(text_table([title, *(f"@{config.x[mark]}" for mark in marks)], rows))
    return "\n\n".join(parts)


def _near(x: tuple[int, ...], step: int) -> int:
    """Return the place of the last evaluation that is not later than a step."""
    return int(np.flatnonzero(np.array(x) <= step)[-1])


_REACHER = ModelFreeConfig()
_ANT = ModelFreeConfig(
    world="ant",
    outer_steps=1200,
    losses=(MAIN,),  # the others are compared where episodes are cheap
    budget=100_000,
    loss_budget=10_000,
    candidates=6,
    validation_goals=2,
)

EXPERIMENTS = {
    "reacher_free": Experiment(
        help="two links reach goals, model-free, against PPO (Fig. 4a, c)",
        config=_REACHER,
        quick=replace(
            _REACHER,
            seeds=2,
            n_goals=2,
            outer_steps=120,
            losses=(MAIN,),
            budget=10_000,
            candidates=2,
            validation_goals=2,
        ),
        prepare=prepare,
        run_seed=run_seed,
        finish=finish,
    ),
    "ant_free": Experiment(
        help="an ant walks to goals, model-free, against PPO (Fig. 4b, d)",
        config=_ANT,
        quick=replace(
            _ANT,
            seeds=2,
            n_goals=2,
            outer_steps=120,
            budget=10_000,
            loss_budget=3_000,
            candidates=1,
        ),
        prepare=prepare,
        run_seed=run_seed,
        finish=finish,
    ),
}
