# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Training of all networks of an identification: on each fit, under Adam and a learned loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from ml3_ros.errors import LossFileError
from ml3_ros.identification.fits import Fit
from ml3_ros.identification.heldout import Log, log_error
from ml3_ros.identification.networks.config import NetworkConfig
from ml3_ros.identification.networks.train import adam, find_loss, train_best, units_of
from ml3_ros.identification.split import Rows

Array = NDArray[np.float64]


def train_networks(
    rows: Rows,
    bases: Mapping[str, Fit | None],
    config: NetworkConfig,
    loss: str | None,
    log: Log,
) -> tuple[dict[str, Array], dict[str, Any], tuple[str, ...]]:
    """Train networks on what each of `bases` leaves, with Adam and with a learned loss.

    Returns:
        Predictions (S, R, n) by method, what was chosen, and notes.
    """
    units = units_of(rows)
    trainers = {"adam": [adam(units, step) for step in config.adam_steps]}
    notes = []
    try:
        learned, words = find_loss(loss, units)
        trainers["ml3"] = [learned]
        notes.append(f"ML3 networks are trained by {words}.")
    except LossFileError as error:
        if loss is not None:
            raise
        notes.append(f"no ML3 networks: {error}.")
    predicted: dict[str, Array] = {}
    choices: dict[str, Any] = {}
    runs = [
        (f"{base_name}_{trainer}", base, losses)
        for base_name, base in bases.items()
        for trainer, losses in trainers.items()
    ]
    steps = config.marks[-1] * sum(len(losses) for _, _, losses in runs)
    with tqdm(total=steps, unit="step", leave=False, mininterval=1.0, disable=None) as bar:
        for name, base, losses in runs:
            bar.set_description(name, refresh=False)
            best = train_best(rows, base, losses, config, bar.update)
            predicted[name] = best.predicted
            choices[name] = {
                "step_size": best.loss.spec.inner_lr,
                "steps": best.steps.tolist(),
                "share": best.share.tolist(),
                "left_out_nmse": best.error,
            }
            log_error(log, name, best.predicted, rows)
            if base is not None and not best.share.any():
                notes.append(
                    f"{name}: no network added anything on left-out rows, at no joint: it is the "
                    "fit that it stands on."
                )
    return predicted, choices, tuple(notes)
