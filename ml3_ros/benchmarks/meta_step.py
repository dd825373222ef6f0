# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Seeds x iterations per CPU second of our trainer, as a ratio to a plain loop with `higher`.

Both run in turns, on one thread, and only CPU time counts: other processes disturb little.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

import torch

from ml3_ros.benchmarks.higher_loop import HigherLoop, fill, gradient
from ml3_ros.benchmarks.problems import PROBLEMS, Problem
from ml3_ros.core.engine.engine import Engine
from ml3_ros.core.engine.process import prepare_process
from ml3_ros.core.outer.meta_gradient import meta_gradient
from ml3_ros.core.outer.trainer import MetaTrainer
from ml3_ros.reports.tables import number, text_table

WARM_UPS = 3  # TorchScript looks at the first two runs before it settles


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What is measured, and for how long."""

    problems: tuple[str, ...] = tuple(PROBLEMS)
    seeds: tuple[int, ...] = (1, 16, 64)
    kinds: tuple[str, ...] = ("autograd", "replayed", "compiled")
    only_autograd: tuple[str, ...] = ()  # problems whose steps take minutes to record
    rounds: int = 7
    seconds: float = 0.4  # CPU seconds of each measurement


QUICK = Plan(
    kinds=("autograd", "replayed"), only_autograd=("mountain_car",), rounds=3, seconds=0.1
)
"""Without what takes minutes to record or compile."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """One problem, number of seeds and engine."""

    problem: str
    seeds: int
    kind: str
    ratios: tuple[float, ...]  # one per round
    preparation: float  # wall seconds of the first step
    target: float

    @property
    def over_target(self) -> float:
        """The median over its target."""
        return median(self.ratios) / self.target


def run(plan: Plan, report: Callable[[str], None] = print) -> list[Cell]:
    """Measure everything, and report a table for each problem.

    Returns:
        All cells.
    """
    cells = []
    for name in plan.problems:
        problem = PROBLEMS[name]()
        report(f"\n{name}: gradient differs by {number(difference(problem), 2)} from higher's")
        of_problem = list(measure(name, problem, plan))
        report(_table(of_problem))
        cells += of_problem
    return cells


def _table(cells: Sequence[Cell]) -> str:
    """Return how many times as fast as `higher` each number of seeds and engine is."""
    header = ["engine", "seeds", "lowest", "median", "highest", "target", "first step"]
    rows = []
    for cell in cells:
        ratios = min(cell.ratios), median(cell.ratios), max(cell.ratios), cell.target
        first_step = f"{number(cell.preparation, 2)} s"
        rows.append([cell.kind, str(cell.seeds), *map(number, ratios), first_step])
    return text_table(header, rows)


def worst(cells: Sequence[Cell]) -> tuple[Cell, float]:
    """Return the cell furthest below its target.

    The best engine that was measured counts; for one seed, once without and once with compiling.
    """
    best: dict[tuple[str, int, bool], Cell] = {}
    for cell in cells:
        key = (cell.problem, cell.seeds, cell.seeds == 1 and cell.kind == "compiled")
        if key not in best or cell.over_target > best[key].over_target:
            best[key] = cell
    slowest = min(best.values(), key=lambda cell: cell.over_target)
    return slowest, slowest.over_target


def target_of(problem: Problem, seeds: int, kind: str) -> float:
    """Return what is aimed at."""
    if seeds == 1:
        return 8.0 if kind == "compiled" else 2.5
    return 12.0 if seeds <= 16 else problem.many


def measure(name: str, problem: Problem, plan: Plan) -> Iterator[Cell]:
    """Yield the cells of one problem."""
    loop = HigherLoop(problem)
    cpu_time(loop.step, 0.0)
    kinds = ("autograd",) if name in plan.only_autograd else plan.kinds
    for seeds in plan.seeds:
        trainers: dict[str, MetaTrainer] = {}
        preparation: dict[str, float] = {}
        ratios: dict[str, list[float]] = {}
        for kind in kinds:
            begin = time.perf_counter()
            trainers[kind] = MetaTrainer(
                problem.family,
                problem.spec,
                problem.config,
                tuple(range(seeds)),
                engine=Engine.parse(kind),
            )
            trainers[kind].step()
            preparation[kind], ratios[kind] = time.perf_counter() - begin, []
            for _ in range(WARM_UPS):
                trainers[kind].step()
        for _ in range(plan.rounds):
            reference = cpu_time(loop.step, plan.seconds)
            for kind, trainer in trainers.items():
                ratios[kind].append(reference * seeds / cpu_time(trainer.step, plan.seconds))
        for kind in kinds:
            yield Cell(
                problem=name,
                seeds=seeds,
                kind=kind,
                ratios=tuple(ratios[kind]),
                preparation=preparation[kind],
                target=target_of(problem, seeds, kind),
            )


def cpu_time(step: Callable[[], object], seconds: float) -> float:
    """Return the CPU seconds that one call takes, from calls for at least `seconds`."""
    step()
    n, begin = 0, time.process_time()
    while n == 0 or time.process_time() - begin < seconds:
        step()
        n += 1
    return (time.process_time() - begin) / n


def difference(problem: Problem) -> float:
    """Return the relative difference of the meta-gradients of our engine and of `higher`."""
    family, n = problem.family, problem.config.n_tasks
    loop = HigherLoop(problem)
    generator = torch.Generator().manual_seed(1)
    theta, phi = family.init(loop.tasks, generator), problem.spec.init_phi(generator)
    fill(loop.loss, phi)
    for i, model in enumerate(loop.models):
        fill(model, {k: p[i] for k, p in theta.items()})
    state = loop.generator.get_state()
    loop.accumulate_gradient()
    loop.generator.set_state(state)  # so that both see the same samples
    ages = torch.zeros(n, dtype=torch.int64)
    support = family.support(loop.tasks, ages, loop.generator)
    query, extra = family.query(loop.tasks, ages, loop.generator)
    learner = problem.spec.learner(family.optimizee)
    ((term, _),) = problem.config.weights
    ours = meta_gradient(
        learner,
        theta,
        {k: p.unsqueeze(0) for k, p in phi.items()},
        [support],
        lambda adapted: family.task_losses(adapted, query, extra)[term] / n,
        state=learner.inner_optimizer.init(theta, (n,)),
    ).grads
    pairs = list(zip(ours.values(), gradient(loop.loss), strict=True))
    error = sum(float((a[0] - b).square().sum()) for a, b in pairs)
    return math.sqrt(error / sum(float(b.square().sum()) for _, b in pairs))


if __name__ == "__main__":
    prepare_process()
    run(Plan())
