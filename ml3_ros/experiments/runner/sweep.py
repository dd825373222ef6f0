# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Sweep of an experiment over its seeds; finished ones are cached, so a killed run goes on.

OUT/seeds/shared.npz    what all seeds need
OUT/seeds/seed_N.npz    one meta-seed
OUT/checkpoints/        of seeds that are not done
"""

import re
import shutil
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ml3_ros.core.engine.engine import AUTOGRAD, Engine
from ml3_ros.data.metrics import resolved
from ml3_ros.data.run_files import RunFolder
from ml3_ros.experiments.runner.array_cache import fingerprint, load_arrays, save_arrays
from ml3_ros.experiments.runner.experiment import Arrays, Experiment, Report
from ml3_ros.experiments.runner.workers import Backend, Job
from ml3_ros.tasks.training import revision


def run_experiment(
    name: str,
    experiment: Experiment,
    config: Any,
    out: str | Path,
    *,
    backend: Backend,
    engine: Engine = AUTOGRAD,
    report: Report = tqdm.write,
) -> tuple[Path, ...]:
    """Run an experiment, or what is left of it, and write its results.

    Args:
        name: Its name.
        experiment: Its functions.
        config: As `experiment.config`; seeds are 0, ..., config.seeds - 1.
        out: Folder of the run.
        backend: Runs the seeds.
        engine: Computes the steps of meta-training.
        report: Called with texts for the user.

    Returns:
        Paths of the figures.

    Raises:
        Ml3Error: The folder cannot be written, or a part of the experiment fails.
    """
    out = RunFolder.create(out).path
    shared = _shared(name, experiment, config, out, report)
    depends_on = fingerprint(name, resolved(config) | {"seeds": None}, shared)
    done: dict[int, Arrays] = {}
    for seed in range(config.seeds):
        if kept := load_arrays(_file(out, seed), depends_on):
            done[seed] = kept[0]
            report(f"seed {seed}: kept{_of_other_revision(kept[1])}")
    jobs = [
        Job(
            run_seed=experiment.run_seed,
            config=config,
            seed=seed,
            shared=shared,
            scratch=_scratch(out, f"seed_{seed}"),
            engine=engine,
        )
        for seed in range(config.seeds)
        if seed not in done
    ]
    progress = _Progress(jobs, report)
    with closing(progress), closing(backend.run(jobs, progress.log)) as results:
        for seed, outcome in results:
            save_arrays(_file(out, seed), outcome.arrays, depends_on, outcome.revision)
            shutil.rmtree(_scratch(out, f"seed_{seed}"))
            done[seed] = outcome.arrays
            progress.done(seed)
    return experiment.finish(config, dict(sorted(done.items())), shared, out, report)


def _shared(name: str, experiment: Experiment, config: Any, out: Path, report: Report) -> Arrays:
    """Return what all seeds need, computed or kept."""
    path, depends_on = out / "seeds" / "shared.npz", fingerprint(name, resolved(config))
    if kept := load_arrays(path, depends_on):
        report(f"shared by all seeds: kept{_of_other_revision(kept[1])}")
        return kept[0]
    started = revision()
    shared = experiment.prepare(config, _scratch(out, "shared"), report)
    save_arrays(path, shared, depends_on, started)
    shutil.rmtree(_scratch(out, "shared"))
    return shared


def _file(out: Path, seed: int) -> Path:
    return out / "seeds" / f"seed_{seed}.npz"


def _scratch(out: Path, part: str) -> Path:
    path = out / "checkpoints" / part
    path.mkdir(parents=True, exist_ok=True)
    return path


def _of_other_revision(computed_by: str) -> str:
    return (
        ""
        if computed_by == revision()
        else f" from revision {computed_by}; delete it to run it anew"
    )


_BAR = re.compile(r"\s*(.*?)\s*(\d+%)\|")


class _Progress:
    """A bar over all seeds that also shows where each worker is; its lines are never garbled."""

    def __init__(self, jobs: Sequence[Job], report: Report) -> None:
        self._report, self._start = report, time.monotonic()
        self._at: dict[int, str] = {}
        self._unfinished: dict[int, str] = {}
        self._bar = tqdm(total=len(jobs), desc="seeds", leave=False, disable=None)

    @property
    def status(self) -> str:
        """Where the workers are, by seed."""
        return ", ".join(self._at.values())

    def log(self, seed: int, text: str) -> None:
        """Pass on whole lines; of a worker's progress bars keep name and percentage."""
        *lines, rest = (self._unfinished.get(seed, "") + text).split("\n")
        self._unfinished[seed] = rest.rpartition("\r")[2]
        for line in lines:
            last = line.rpartition("\r")[2].rstrip()
            if last and not _BAR.match(last):
                self._report(f"seed {seed}: {last}")
        if match := _BAR.match(self._unfinished[seed]):
            self._at[seed] = f"{seed}: {' '.join(match.groups())}"
            self._bar.set_postfix_str(self.status, refresh=False)
        self._bar.update(0)

    def done(self, seed: int) -> None:
        """Count a seed."""
        self._at.pop(seed, None)
        self._bar.update()
        self._report(f"seed {seed}: done after {time.monotonic() - self._start:.0f} s")

    def close(self) -> None:
        """Remove the bar."""
        self._bar.close()
