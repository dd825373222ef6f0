"""All experiments by name: their configuration, a quick one, and what runs them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ml3_ros.experiments.invdyn import InvdynConfig, Report, run_invdyn
from ml3_ros.experiments.invdyn_output import figure, metrics, tables


@dataclass(frozen=True, kw_only=True, slots=True)
class Experiment:
    """One experiment of the paper.

    Attributes:
        help: One line.
        config: The full configuration.
        quick: One that shows the ordering in minutes.
        run: (config, out, report) -> paths of the figure; writes everything into `out`.
    """

    help: str
    config: Any
    quick: Any
    run: Callable[[Any, Path, Report], tuple[Path, ...]]


def _run_invdyn(config: InvdynConfig, out: Path, report: Report) -> tuple[Path, ...]:
    panels = run_invdyn(config, out, report)
    metrics(f"invdyn_{config.robot}", config, panels).save(out)
    report(tables(panels))
    return figure(config.robot, panels, out)


_QUICK_INVDYN = InvdynConfig(
    modes=("given",),
    seeds=2,
    n_train_robots=16,
    n_validation_robots=4,
    n_test_robots=8,
    outer_steps={
        "given/structured": 400,
        "given/mlp": 800,
        "learned/structured": 60,
        "learned/mlp": 400,
    },
    test_factor=3,
)

EXPERIMENTS: dict[str, Experiment] = {
    f"invdyn_{robot}": Experiment(
        help=f"inverse dynamics of the {robot} with a physics prior in the loss (Fig. 5{letter})",
        config=InvdynConfig(robot=robot),
        quick=replace(_QUICK_INVDYN, robot=robot),
        run=_run_invdyn,
    )
    for robot, letter in (("reacher", "c"), ("sawyer", "d"))
}
