# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Tables of samples that are in no order of time: read, and split so that twins stay together.

Where a recording was shuffled, a row's neighbour in time may stand anywhere. Rows are therefore
grouped by state, whole groups are held out, and what lies nearer to a held-out row than rows of
one motion usually lie to each other, or is its near twin, is not learned from. In a dense table,
as of a motion that repeats, rows lie so near to each other that only the second leaves any out.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.io import loadmat
from scipy.io.matlab import MatReadError
from scipy.spatial import cKDTree

from ml3_ros.errors import ConfigError, DataError, needs
from ml3_ros.files import user_path
from ml3_ros.identification.models.repeats import near_twins, standardised
from ml3_ros.identification.split import HELD_OUT, INNER, Rows

Array = NDArray[np.float64]
EVERY = 4  # one cluster of so many is held out


@dataclass(frozen=True, kw_only=True, slots=True)
class TableSplitConfig:
    """Settings of the split of a table."""

    clusters: int = 40  # groups of states
    fold: int = EVERY - 1  # which of every EVERY clusters is held out
    guard: float = 1.0  # rows nearer to held-out ones are dropped [median neighbour distances]
    seed: int = 0  # of the clusters

    def __post_init__(self) -> None:
        if not 0 <= self.fold < EVERY:
            raise ConfigError(f"fold must be 0 to {EVERY - 1}, got {self.fold}")
        if self.clusters < EVERY * INNER or self.guard < 0.0:
            raise ConfigError(
                f"clusters must be >= {EVERY * INNER} and guard >= 0, got {self.clusters} and "
                f"{self.guard}"
            )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Table:
    """Samples q [rad], v [rad/s], a [rad/s^2], tau, each (T, n)."""

    q: Array
    v: Array
    a: Array
    tau: Array


def read_table(path: str | Path) -> Table:
    """Read a MATLAB matrix with columns q, v, a, tau of every joint.

    Raises:
        DataError: No such file, or not one matrix of finite numbers with 4 n columns.
    """
    path = user_path(path)
    if not path.is_file():
        raise DataError(f"there is no table at {path}: check the path")
    try:
        content = loadmat(path)
    except (OSError, ValueError, TypeError, NotImplementedError, MatReadError) as error:
        raise DataError(f"{path} is no MATLAB file that can be read ({error})") from error
    arrays = [x for name, x in content.items() if not name.startswith("__")]
    if len(arrays) != 1 or arrays[0].ndim != 2 or not np.issubdtype(arrays[0].dtype, np.number):
        raise DataError(f"{path} must hold one matrix of numbers and nothing else: save it so")
    matrix = np.asarray(arrays[0], dtype=float)
    if matrix.shape[1] % 4 or not matrix.size:
        raise DataError(
            f"the matrix in {path} is {matrix.shape}: give 4 columns a joint, all positions, then "
            "velocities, accelerations and torques"
        )
    if not np.isfinite(matrix).all():
        raise DataError(f"the matrix in {path} holds NaN or infinity: drop such rows")
    return Table(**dict(zip(("q", "v", "a", "tau"), np.hsplit(matrix, 4), strict=True)))


def table_rows(table: Table, config: TableSplitConfig) -> Rows:
    """Split a table by clusters of (q, v); rows too near to held-out ones are left out.

    Raises:
        ConfigError: scikit-learn, which finds the clusters, is not installed.
        DataError: Fewer rows than ten a cluster.
    """
    with needs("scikit-learn", "experiments", "a table of samples"):
        from sklearn.cluster import KMeans
    if len(table.q) < 10 * config.clusters:
        raise DataError(
            f"the table has {len(table.q)} rows: at least {10 * config.clusters} are needed for "
            f"{config.clusters} clusters"
        )
    state = np.hstack([table.q, table.v])
    scale = state.std(axis=0)
    state = state / np.where(scale > 0.0, scale, 1.0)
    clusters = KMeans(config.clusters, n_init=3, random_state=config.seed).fit_predict(state)
    out = clusters % EVERY == config.fold
    learned = np.cumsum(np.bincount(clusters[~out], minlength=config.clusters) > 0) - 1
    group = np.where(out, HELD_OUT, learned[clusters] % INNER)
    nearest = cKDTree(state).query(state, k=2)[0][:, 1]
    to_held_out = cKDTree(state[out]).query(state)[0]
    motion = standardised(table.q, table.v, table.a)
    apart = (to_held_out >= config.guard * np.median(nearest)) & ~near_twins(motion, motion[out])
    keep = out | apart
    n = table.q.shape[1]
    rows = Rows(
        joint_names=tuple(f"joint_{j + 1}" for j in range(n)),
        t=np.arange(len(state), dtype=float),
        q=table.q,
        v=table.v,
        a=table.a,
        tau=table.tau,
        strain=np.zeros((len(state), n, 0)),
        block=clusters,
        group=group,
        twins=np.zeros((len(state), INNER), dtype=bool),
    )
    return rows.subset(keep)
