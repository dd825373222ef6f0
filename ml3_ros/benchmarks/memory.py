# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Peak memory of the meta-gradient: grows with the unroll, not with the outer steps.

Each measurement is a fresh process; its peak resident memory counts, above what it held before the
first step.
"""

import multiprocessing
import resource
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import Any

import torch

from ml3_ros.benchmarks.problems import PROBLEMS
from ml3_ros.core.engine.engine import Engine
from ml3_ros.core.outer.trainer import MetaTrainer
from ml3_ros.reports.tables import text_table

PROBLEM, SEEDS = "invdyn_sawyer", 16
UNROLLS = (1, 5, 10, 25, 50, 100)
OUTER_STEPS = (5, 20, 80)
SEGMENTS: dict[str, int | None] = {"whole": None, "segment 5": 5, "segment 1": 1}


def run(report: Callable[[str], None] = print, *, quick: bool = False) -> None:
    """Measure and report two tables."""
    unrolls, outer_steps = (UNROLLS[:3], OUTER_STEPS[:2]) if quick else (UNROLLS, OUTER_STEPS)
    report(f"peak memory [MB], {PROBLEM}, {SEEDS} seeds")
    _table("unroll K", unrolls, lambda k, segment: in_child(k, 2, segment), report)
    _table("outer steps", outer_steps, lambda n, segment: in_child(5, n, segment), report)


def peak(unroll: int, n_outer_steps: int, segment: int | None, n_seeds: int) -> float:
    """Return by how many MB the peak memory of this process grows over the outer steps."""
    torch.set_num_threads(1)
    problem = PROBLEMS[PROBLEM]()
    config = replace(problem.config, unroll=unroll, horizon=10 * unroll)
    trainer = MetaTrainer(
        problem.family, problem.spec, config, tuple(range(n_seeds)), engine=Engine(segment=segment)
    )
    before = _resident()
    for _ in range(n_outer_steps):
        trainer.step()
    return _resident() - before


def _resident() -> float:
    """Return the peak resident memory of this process so far [MB]."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0


def _table(
    title: str,
    values: tuple[int, ...],
    measure: Callable[[int, int | None], float],
    report: Callable[[str], None],
) -> None:
    rows = [
        [name, *(f"{measure(value, segment):.0f}" for value in values)]
        for name, segment in SEGMENTS.items()
    ]
    report(text_table([title, *map(str, values)], rows))


def in_child(
    unroll: int, n_outer_steps: int, segment: int | None, n_seeds: int | None = None
) -> float:
    """Return `peak` as a fresh process finds it (`n_seeds` none: `SEEDS`).

    It is forked from a server that has only loaded PyTorch: a fork of this process would fill what
    this process has freed, which does not count.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["ml3_ros.benchmarks.memory"])
    receiver, sender = context.Pipe(duplex=False)
    arguments = (sender, unroll, n_outer_steps, segment, SEEDS if n_seeds is None else n_seeds)
    child = context.Process(target=_send_peak, args=arguments, daemon=True)
    child.start()
    sender.close()  # so that a child that dies is an error, not silence
    value: float = receiver.recv()
    child.join()
    return value


def _send_peak(sender: Connection, *arguments: Any) -> None:
    sender.send(peak(*arguments))


if __name__ == "__main__":
    run()
