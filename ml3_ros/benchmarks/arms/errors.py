# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Held-out errors of every method on a public recording: each fold in turn, kept in files.

All held-out rows count, also those that the contact check marks: nobody is known to have touched
these arms, so what it marks there is a false alarm, and its share is noted.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml3_ros.benchmarks.arms.files import PublicArm
from ml3_ros.benchmarks.arms.recovery import Recovery, recovery
from ml3_ros.data.metrics import resolved
from ml3_ros.data.recording import JointRecording
from ml3_ros.errors import DataError
from ml3_ros.files import write_atomically
from ml3_ros.identification.all_fits import joint_fits, physical_fits
from ml3_ros.identification.heldout import Log, heldout_nmse, log_error
from ml3_ros.identification.networks.config import NetworkConfig
from ml3_ros.identification.physical.config import PhysicalConfig
from ml3_ros.identification.physical.fit import physical_fit
from ml3_ros.identification.prepared import prepared
from ml3_ros.identification.robust.irls import RobustConfig
from ml3_ros.identification.run import networks
from ml3_ros.identification.split import INNER, Rows, SplitConfig
from ml3_ros.identification.unordered import TABLE_NETWORKS, TableConfig, identify_table
from ml3_ros.identification.unordered_split import TableSplitConfig, read_table
from ml3_ros.robots.pinocchio_model import PinocchioModel

Array = NDArray[np.float64]
FOLDS = (0, 1, 2, 3)
SIMULATED = 5  # recordings of a known truth on every fold
UNPULLED = 0.01  # strength of a pull to the description that is next to none


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FoldErrors:
    """Held-out NMSE (S, n) by method on one fold, with the settings that it was made with.

    `marked` is the share of rows that the contact check marks; `recovered` is absent for a table.
    """

    config: Mapping[str, Any]
    joints: tuple[str, ...]
    methods: Mapping[str, Array]
    marked: float
    recovered: Recovery | None = None

    def save(self, path: Path) -> None:
        """Write it as JSON."""
        methods = {name: each.tolist() for name, each in self.methods.items()}
        recovered = None if self.recovered is None else asdict(self.recovered)
        content = {
            "config": self.config,
            "joints": self.joints,
            "methods": methods,
            "marked": self.marked,
            "recovered": recovered,
        }
        write_atomically(path, (json.dumps(content, indent=1) + "\n").encode())

    @staticmethod
    def load(path: Path) -> FoldErrors:
        """Read what `save` wrote.

        Raises:
            DataError: It cannot be read.
        """
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            found = content["recovered"]
            return FoldErrors(
                config=content["config"],
                joints=tuple(content["joints"]),
                methods={name: np.array(each) for name, each in content["methods"].items()},
                marked=content["marked"],
                recovered=None if found is None else Recovery(**found),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"{path} cannot be read ({error}): delete it") from error


def all_folds(
    arm: PublicArm,
    data: Path,
    out: Path,
    log: Log,
    *,
    folds: Iterable[int] = FOLDS,
    seeds: int = 0,
) -> dict[int, FoldErrors]:
    """Return the errors by fold; what `out` already holds is not computed again.

    Args:
        arm: The recording.
        data: Folder of its files.
        out: Folder that each fold is written to as soon as it is done.
        log: Takes a line of text about what is under way.
        folds: Which blocks are held out, from 0 to 3.
        seeds: Networks of each kind; none are trained with 0.
    """
    network = NetworkConfig(seeds=seeds) if seeds else None
    config = {"networks": None if network is None else resolved(network)}
    source: tuple[JointRecording, PinocchioModel] | None = None
    errors: dict[int, FoldErrors] = {}
    for fold in folds:
        path = out / f"{arm.name}_{fold}.json"
        found = FoldErrors.load(path) if path.exists() else None
        if found is None or found.config != config:
            log(f"{arm.name}, fold {fold}")
            if arm.table is not None:
                found = _table_errors(data / arm.table, fold, seeds, log)
            else:
                source = source or _source(arm, data, out)
                split = SplitConfig(fold=fold, block=arm.block)
                found = _arm_errors(*source, split, network, log)
            found = replace(found, config=config)
            found.save(path)
        errors[fold] = found
    return errors


def _source(arm: PublicArm, data: Path, out: Path) -> tuple[JointRecording, PinocchioModel]:
    """Return the recording, in the order of the model's joints, and the model."""
    model = arm.model(data)
    return arm.read(data, model.names), model


def _arm_errors(
    recording: JointRecording,
    model: PinocchioModel,
    split: SplitConfig,
    config: NetworkConfig | None,
    log: Log,
) -> FoldErrors:
    data, _ = prepared(recording, model, split, RobustConfig())
    rows = data.rows
    fits = joint_fits(data, log)
    of_links, _ = physical_fits(data, model, PhysicalConfig(), log)
    fits |= of_links
    free = PhysicalConfig(strengths=(UNPULLED,))
    weights = data.counts_of(INNER)
    fits["physical_unpulled"] = physical_fit(
        data, model.inertial_parameters(), weights=weights, config=free
    ).fit
    predicted = {name: fit.predicted[-1:] for name, fit in fits.items()}
    log_error(log, "physical_unpulled", predicted["physical_unpulled"], rows)
    of_networks, _, _ = networks(rows, {"hybrid": fits["extended_fit"]}, config, None, log)
    errors = _errors(predicted | of_networks, rows)
    first = SIMULATED * (split.fold or 0)
    recovered = recovery(model, rows.subset(~rows.held_out), seeds=range(first, first + SIMULATED))
    return replace(errors, recovered=recovered)


def _table_errors(path: Path, fold: int, seeds: int, log: Log) -> FoldErrors:
    network = replace(TABLE_NETWORKS, seeds=seeds) if seeds else None
    split = TableSplitConfig(fold=fold)
    config = TableConfig(table=str(path), split=split, networks=network)
    result = identify_table(config, read_table(path), log)
    return _errors(result.predicted, result.rows)


def _errors(predicted: Mapping[str, Array], rows: Rows) -> FoldErrors:
    return FoldErrors(
        config={},
        joints=rows.joint_names,
        methods={name: heldout_nmse(x, rows, rows.held_out) for name, x in predicted.items()},
        marked=float((~rows.untouched).mean()),
    )
