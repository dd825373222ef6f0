# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Description of an experiment: three functions and its settings, which `sweep` runs."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ml3_ros.core.engine.engine import Engine

Arrays = dict[str, NDArray[Any]]
"""Numbers by name; also the bytes of learned losses, as uint8. No Python objects."""

Report = Callable[[str], None]
"""Called with a text for the user."""

Prepare = Callable[[Any, Path, Report], Arrays]
RunSeed = Callable[[Any, int, Arrays, Path, Engine], Arrays]
Finish = Callable[[Any, dict[int, Arrays], Arrays, Path, Report], tuple[Path, ...]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Experiment:
    """One experiment of the paper.

    Attributes:
        help: One line.
        config: The full configuration, a frozen dataclass with a field `seeds: int`.
        quick: One of the same type that shows the ordering in minutes.
        prepare: (config, scratch, report) -> shared arrays: what all seeds need, once; for
            instance baselines tuned on validation tasks.
        run_seed: (config, seed, shared, scratch, engine) -> arrays of one meta-seed: meta-training
            with that engine, and meta-test. It runs in another process, perhaps on another
            machine, so it is a function at the top of its module (or a `functools.partial` of one)
            that depends on its arguments alone, and not on `config.seeds`: seeds are kept when
            more are requested.
        finish: (config, arrays by seed, shared, out, report) -> paths of the figures; writes
            metrics.json, figures and losses into `out`.

    `scratch` is a folder of their own for checkpoints; it survives a kill, and nothing else.
    """

    help: str
    config: Any
    quick: Any
    prepare: Prepare
    run_seed: RunSeed
    finish: Finish
