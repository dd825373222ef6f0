# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Table, metrics, losses and figure of the rivals of model-free losses."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from ml3_ros.data.metrics import Metrics, resolved
from ml3_ros.experiments.free_rivals.config import GOAL_PPO, RIVALS, FreeRivalsConfig
from ml3_ros.experiments.free_rivals.figure import figure, name_of
from ml3_ros.experiments.free_rivals.run import GRIDS, prepare, run_seed
from ml3_ros.experiments.model_free.config import MAIN
from ml3_ros.experiments.model_free.figure import Array, halves
from ml3_ros.experiments.model_free.output import ARCHITECTURES, ELSEWHERE, steps_to_share
from ml3_ros.experiments.model_free.recipes import setting
from ml3_ros.experiments.runner.adaptation import by_method, save_losses
from ml3_ros.experiments.runner.experiment import Arrays, Experiment, Report
from ml3_ros.reports.styles import in_order
from ml3_ros.reports.tables import number_in_range, text_table

MOTORS = "@motors"  # suffix of curves on all goals, where motors are weaker
PRETRAINING = "@pretraining"  # suffix of curves over steps of meta-training, all goals


def finish(
    config: FreeRivalsConfig, seeds: dict[int, Arrays], shared: Arrays, out: Path, report: Report
) -> tuple[Path, ...]:
    """Write metrics.json, the losses and the figure; report a table."""
    result = metrics(config, seeds, shared)
    result.save(out)
    save_losses(seeds, out)
    report(table(seeds))
    report("\n".join(f"{key}: {value:.3g}" for key, value in result.headline.items()))
    return figure(config, seeds, int(result.headline["rival_steps"]), out)


def metrics(config: FreeRivalsConfig, seeds: dict[int, Arrays], shared: Arrays) -> Metrics:
    """Return the cost over environment steps on new goals, of the loss and of its rivals.

    Of every method, on all goals or with suffix on a part of them or where motors are weaker:
    "NAME/first_cost" without a step on the goal, "NAME/best_cost", "NAME/last_cost", means over
    runs. "meta_training_steps" of the loss, "rival_steps" of a rival, "NAME/minutes" of
    meta-training. Where the loss is among the methods also "NAME/steps", the median of steps to
    80 % of the way from a fresh policy to the best of any method on that goal, "NAME/mean_steps",
    where runs that never come so far count with the whole budget, and "NAME/reached", the share of
    those that do. Of rivals then "NAME/ahead", the share of runs in which they cost less without a
    step than a policy under the loss at its best, and "goal_ppo/steps_as_good", from how many
    steps of meta-training on PPO costs no more than that in the mean, without a step.
    """
    about = {
        "x": "environment steps of the policy, without those of meta-training",
        "y": "minus the mean return of an episode",
    }
    result = Metrics(name_of(config), resolved(config) | about)
    found, x = by_method(seeds, "cost"), config.x
    chosen = setting(config.world)
    steps = config.meta_training_steps(chosen.make(1))
    head = result.headline
    head["meta_training_steps"] = float(steps)
    head["rival_steps"] = float(round(config.share * steps))
    for name, cost in found.items():
        for suffix, curve in zip(("", ELSEWHERE), halves(cost), strict=True):
            result.add(name + suffix, x[: curve.shape[1]], curve)
        head[f"{name}/minutes"] = float(np.mean([a[f"minutes/{name}"] for a in seeds.values()]))
    for n, cost in by_method(seeds, "layers").items():
        result.add(f"hidden_layers_{n}{ARCHITECTURES}", x[: cost.shape[2]], cost.mean(1))
        head[f"hidden_layers_{n}/last_cost"] = float(cost[..., -1].mean())
    motors = by_method(seeds, "motors")
    for name, cost in motors.items():
        result.add(name + MOTORS, x[: cost.shape[2]], cost.mean(1))
    before = np.stack([arrays["pretraining"] for arrays in seeds.values()])
    marks = config.pretraining_x(int(head["rival_steps"]))
    result.add(GOAL_PPO + PRETRAINING, marks, before.mean(1))
    if config.loss:
        as_good = before.mean((0, 1)) <= found[MAIN].min(-1).mean()
        # from there on: a single lucky evaluation does not count
        kept = np.logical_and.accumulate(as_good[::-1])[::-1]
        head[f"{GOAL_PPO}/steps_as_good"] = float(marks[kept.argmax()]) if kept.any() else np.inf
    half = config.n_goals // 2
    parts = {"": slice(None), "@trained": slice(half), ELSEWHERE: slice(half, None)}
    for suffix, part in parts.items():
        head |= _of_part({name: cost[:, part] for name, cost in found.items()}, config, suffix)
    head |= _of_part(motors, config, MOTORS) if motors else {}
    for key, suffix in (("wanted", ""), ("motors_wanted", MOTORS)) if config.loss else ():
        cost = np.stack([arrays[key] for arrays in seeds.values()])
        head[f"greedy_action/cost{suffix}"] = float(cost.mean())
    for name, grid in GRIDS.items():
        if f"choice/{name}" not in shared:
            continue
        result.config[name] = resolved(grid[int(shared[f"choice/{name}"])])
    return result


def _of_part(found: dict[str, Array], config: FreeRivalsConfig, suffix: str) -> dict[str, float]:
    """Return the headline numbers of costs (seeds, goals, x) by method."""
    head = {}
    for name, cost in found.items():
        head[f"{name}/first_cost{suffix}"] = float(cost[..., 0].mean())
        head[f"{name}/best_cost{suffix}"] = float(cost.min(-1).mean())
        head[f"{name}/last_cost{suffix}"] = float(cost[..., -1].mean())
    if MAIN not in found:
        return head
    best = found[MAIN].min(-1)
    reached = steps_to_share(found, config.x, fresh=found[MAIN][..., 0])
    for name, cost in found.items():
        head[f"{name}/steps{suffix}"] = float(np.median(reached[name]))
        head[f"{name}/mean_steps{suffix}"] = float(np.minimum(reached[name], config.budget).mean())
        head[f"{name}/reached{suffix}"] = float(np.isfinite(reached[name]).mean())
        if name in RIVALS:
            head[f"{name}/ahead{suffix}"] = float((cost[..., 0] < best).mean())
    return head


def table(seeds: dict[int, Arrays]) -> str:
    """Return a table of costs without a step and after the last: mean over seeds [range]."""
    found, motors = by_method(seeds, "cost"), by_method(seeds, "motors")
    rows = []
    for name in in_order(list(found)):
        cells = []
        weak = [motors[name].mean(1)] if motors else []
        for curve in (*halves(found[name]), *weak):
            for mark in (0, -1):
                values = curve[:, mark]
                cells.append(number_in_range(values.mean(), values.min(), values.max()))
        rows.append([name, *cells])
    titles = ("as trained", "elsewhere", "weak motors")[: 3 if motors else 2]
    heads = [f"{title}, {when}" for title in titles for when in ("first", "last")]
    return text_table(["cost", *heads], rows)


_REACHER = FreeRivalsConfig()
_ANT = replace(_REACHER, world="ant", outer_steps=1200, budget=10_000, validation_goals=2)


def _quick(config: FreeRivalsConfig) -> FreeRivalsConfig:
    return replace(
        config,
        seeds=2,
        n_goals=2,
        outer_steps=30,
        share=1.0,
        budget=500,
        tuning_steps=20_000,
        validation_goals=2,
    )


EXPERIMENTS = {
    "reacher_free_rivals": Experiment(
        help="rivals of the model-free loss that met the same goals before, on two links",
        config=_REACHER,
        quick=_quick(_REACHER),
        prepare=prepare,
        run_seed=run_seed,
        finish=finish,
    ),
    "ant_free_rivals": Experiment(
        help="the same on an ant",
        config=_ANT,
        quick=_quick(_ANT),
        prepare=prepare,
        run_seed=run_seed,
        finish=finish,
    ),
}
