# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""An experiment of seconds whose workers can be made to die; workers import it by its name."""

import os
import signal
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tqdm import trange

from ml3_ros.data.metrics import Metrics, resolved
from ml3_ros.errors import DataError
from ml3_ros.experiments.runner.experiment import Experiment


@dataclass(frozen=True)
class ToyConfig:
    seeds: int = 3
    offset: float = 1.0
    trouble: str = ""  # what happens to seed 1
    notes: str = ""  # folder in which seeds leave a file a start


def prepare(config, scratch, report):
    (scratch / "checkpoint").touch()
    report("prepared")
    return {"offset": np.array(config.offset)}


def run_seed(config, seed, shared, scratch, engine):
    attempt = 0
    if config.notes:
        attempt = len(list(Path(config.notes).glob(f"{seed}_*")))
        Path(config.notes, f"{seed}_{os.getpid()}").touch()
    if seed == 1:
        if config.trouble == "always dies" or (config.trouble == "dies once" and not attempt):
            (scratch / "checkpoint").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if config.trouble == "rejects":
            raise DataError("seed 1 has no data: give it some")
        if config.trouble == "bug":
            raise KeyError("a bug of seed 1")
        if config.trouble == "stays":  # no process ends before its threads do
            threading.Timer(90.0, Path(config.notes, "stayed").touch).start()
    if config.trouble == "sleeps":
        time.sleep(60)
    for _ in trange(3, desc="toy", leave=True):
        pass
    print(f"half\nof {seed}")
    print("a warning", file=sys.stderr)
    x = torch.randn(100, 100, generator=torch.Generator().manual_seed(seed))
    y = torch.linalg.svdvals(x).double().numpy() + shared["offset"]
    resumed = np.array((scratch / "checkpoint").exists())
    return {
        "y": y,
        "threads": np.array(torch.get_num_threads()),
        "engine": np.array(engine.kind),
        "resumed": resumed,
    }


def finish(config, seeds, shared, out, report):
    path = out / "result.txt"
    path.write_text(repr([(seed, arrays["y"][0]) for seed, arrays in seeds.items()]))
    metrics = Metrics("toy", resolved(config))
    metrics.add("svd", [0.0, 1.0], np.stack([arrays["y"][:2] for arrays in seeds.values()]))
    metrics.save(out)
    return (path,)


TOY = Experiment(
    help="a toy",
    config=ToyConfig(),
    quick=ToyConfig(seeds=1),
    prepare=prepare,
    run_seed=run_seed,
    finish=finish,
)
