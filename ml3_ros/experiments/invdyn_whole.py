"""The inverse-dynamics experiment for the sweep: all seeds as one batch, in `prepare`."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from ml3_ros.experiments.experiment import Arrays, Experiment, Report
from ml3_ros.experiments.invdyn import InvdynConfig, run_invdyn
from ml3_ros.experiments.invdyn_output import figure, metrics, tables
from ml3_ros.experiments.panels import Panel
from ml3_ros.files import write_atomically


def prepare(config: InvdynConfig, scratch: Path, report: Report) -> Arrays:
    """Run everything; return curves "panel/KEY/METHOD" and losses "losses/FILE"."""
    arrays: Arrays = {}
    for key, panel in run_invdyn(config, scratch, report).items():
        header = {"x": panel.x, "horizon": panel.horizon, "step_sizes": panel.step_sizes}
        arrays[f"header/{key}"] = np.array(json.dumps(header))
        arrays |= {f"panel/{key}/{method}": nmse for method, nmse in panel.nmse.items()}
    for path in scratch.glob("losses/**/*.safetensors"):
        arrays[str(path.relative_to(scratch))] = np.frombuffer(path.read_bytes(), dtype=np.uint8)
    return arrays


def run_seed(config: InvdynConfig, seed: int, shared: Arrays, scratch: Path) -> Arrays:
    """Nothing is left to do."""
    return {}


def finish(
    config: InvdynConfig, seeds: dict[int, Arrays], shared: Arrays, out: Path, report: Report
) -> tuple[Path, ...]:
    """Write metrics, losses and the figure."""
    panels = {}
    for name, value in shared.items():
        if name.startswith("losses/"):
            write_atomically(out / name, value.tobytes())
        if name.startswith("header/"):
            key = name.removeprefix("header/")
            header = json.loads(str(value))
            prefix = f"panel/{key}/"
            nmse = {k.removeprefix(prefix): x for k, x in shared.items() if k.startswith(prefix)}
            panels[key] = Panel(tuple(header["x"]), header["horizon"], nmse, header["step_sizes"])
    metrics(f"invdyn_{config.robot}", config, panels).save(out)
    report(tables(panels))
    return figure(config.robot, panels, out)


_QUICK = InvdynConfig(
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

EXPERIMENTS = {
    f"invdyn_{robot}": Experiment(
        help=f"inverse dynamics of the {robot} with a physics prior in the loss (Fig. 5{letter})",
        config=InvdynConfig(robot=robot),
        quick=replace(_QUICK, robot=robot),
        prepare=prepare,
        run_seed=run_seed,
        finish=finish,
    )
    for robot, letter in (("reacher", "c"), ("sawyer", "d"))
}
