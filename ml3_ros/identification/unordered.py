# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Models of a table of samples without a model of the arm: ridge, tuned MLP, networks, hybrid."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml3_ros.identification.fits import Fit, training_masks
from ml3_ros.identification.heldout import heldout_nmse, log_error
from ml3_ros.identification.models.ridge_fit import left_out_errors, ridge_predict, ridge_weights
from ml3_ros.identification.networks.config import NetworkConfig
from ml3_ros.identification.run import Identification, check_loss, networks
from ml3_ros.identification.split import INNER, Rows
from ml3_ros.identification.unordered_split import (
    Table,
    TableSplitConfig,
    table_rows,
)

Array = NDArray[np.float64]
PENALTIES = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1)
TABLE_NETWORKS = NetworkConfig(marks=(200, 500, 1000, 2000, 4000))  # as a rule of many rows
STICTION = 0.1  # speed over which tanh(v) columns turn round [rad/s]


@dataclass(frozen=True, kw_only=True, slots=True)
class MlpConfig:
    """The tuned multi-layer perceptron, its sizes, step sizes and epochs to choose from."""

    hidden: tuple[tuple[int, ...], ...] = ((64, 64), (128, 128))
    step_sizes: tuple[float, ...] = (1e-3, 3e-3)
    epochs: tuple[int, ...] = (10, 20, 40, 80, 160)
    batch_size: int = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class TableConfig:
    """Settings of one identification of a table."""

    table: str
    loss: str | None = None
    split: TableSplitConfig = field(default_factory=TableSplitConfig)
    mlp: MlpConfig = field(default_factory=MlpConfig)
    networks: NetworkConfig | None = None  # None: train none, neither a perceptron

    def __post_init__(self) -> None:
        check_loss(self.loss, self.networks)


def identify_table(
    config: TableConfig, table: Table, log: Callable[[str], None] = print
) -> Identification:
    """Fit and train every model on the learnable clusters of a table, test them on the others."""
    rows = table_rows(table, config.split)
    out, dropped = int(rows.held_out.sum()), len(table.q) - len(rows.t)
    note = (
        f"{config.split.clusters} clusters of (q, v), every fourth held out; {dropped} rows "
        "nearer to a held-out one than the median distance of neighbours, or its near twins, were "
        "not learned from."
    )
    log(f"{len(rows.t) - out} rows to learn from, {out} held out: {note}")
    state = np.hstack([rows.q, rows.v, rows.a])
    fits = {
        "ridge": ridge(rows, state),
        "ridge_features": ridge(rows, features(rows)),
    }
    predicted = {name: fit.predicted[-1:] for name, fit in fits.items()}
    choices: dict[str, Any] = {name: fit.choices for name, fit in fits.items()}
    if config.networks is not None:
        seeds = config.networks.seeds
        predicted["mlp_tuned"], chosen = tuned_mlp(rows, state, config.mlp, seeds)
        choices["mlp_tuned"] = chosen
    for name, each in predicted.items():
        log_error(log, name, each, rows)
    bases = {"network": None, "hybrid": fits["ridge"]}
    of_networks, network_choices, notes = networks(rows, bases, config.networks, config.loss, log)
    predicted |= of_networks
    return Identification(
        name=Path(config.table).stem,
        rows=rows,
        predicted=predicted,
        heldout={name: heldout_nmse(x, rows) for name, x in predicted.items()},
        notes=(note, *notes),
        choices=choices | network_choices,
        config=asdict(config),
    )


def features(rows: Rows) -> Array:
    """Return columns (R, p): squares and products of sines, cosines, v, a and directions."""
    from sklearn.preprocessing import PolynomialFeatures  # of an extra, as table_rows has checked

    first = [np.sin(rows.q), np.cos(rows.q), rows.v, rows.a, np.tanh(rows.v / STICTION)]
    scale = [x / np.maximum(np.abs(x).max(axis=0), 1e-9) for x in first]
    return np.asarray(PolynomialFeatures(2, include_bias=False).fit_transform(np.hstack(scale)))


def ridge(rows: Rows, columns: Array, penalties: Sequence[float] = PENALTIES) -> Fit:
    """Return ridge regression of each torque on columns (R, p), its penalty by left-out groups."""
    masks = training_masks(rows)
    learned = masks[-1]
    predicted = np.empty((len(masks), *rows.tau.shape))
    choices = []
    for joint, target in enumerate(rows.tau.T):
        errors = [
            left_out_errors(
                columns[learned],
                target[learned],
                rows.group[learned],
                penalty,
                rows.twins[learned],
            ).sum()
            for penalty in penalties
        ]
        penalty = penalties[int(np.argmin(errors))]
        choices.append({"penalty": penalty})
        for i, mask in enumerate(masks):
            weights = ridge_weights(columns[mask], target[mask], penalty)
            predicted[i, :, joint] = ridge_predict(weights, columns)
    return Fit(predicted=predicted, choices=tuple(choices))


def tuned_mlp(
    rows: Rows, columns: Array, config: MlpConfig, seeds: int
) -> tuple[Array, dict[str, Any]]:
    """Return the effort (S, R, n) by perceptrons of `columns` (R, p), and what was chosen.

    Size, step size and epochs are those that predict left-out inner groups best.
    """
    masks = training_masks(rows)
    variance = rows.tau[masks[-1]].var(axis=0)

    def left_out(hidden: tuple[int, ...], step: float) -> Array:
        errors = np.zeros(len(config.epochs))
        for group in range(INNER):
            out = rows.group == group
            predictions = _mlp(rows, columns, masks[group], hidden, step, config, seed=0)
            errors += [np.mean((y[out] - rows.tau[out]) ** 2 / variance) for y in predictions]
        return errors

    options = list(product(config.hidden, config.step_sizes))
    errors = np.array([left_out(*option) for option in options])
    best, epochs = np.unravel_index(errors.argmin(), errors.shape)
    hidden, step = options[best]
    predicted = [
        _mlp(rows, columns, masks[-1], hidden, step, config, seed=seed)[epochs]
        for seed in range(seeds)
    ]
    chosen = {"hidden": hidden, "step_size": step, "epochs": config.epochs[int(epochs)]}
    return np.stack(predicted), chosen


def _mlp(
    rows: Rows,
    columns: Array,
    mask: NDArray[np.bool_],
    hidden: tuple[int, ...],
    step: float,
    config: MlpConfig,
    *,
    seed: int,
) -> list[Array]:
    """Return the predictions (R, n) of one perceptron after each number of epochs."""
    from sklearn.neural_network import MLPRegressor  # see `features`

    centre, scale = columns[mask].mean(axis=0), columns[mask].std(axis=0)
    x = (columns - centre) / np.maximum(scale, 1e-9)
    mean, size = rows.tau[mask].mean(axis=0), np.maximum(rows.tau[mask].std(axis=0), 1e-9)
    y = (rows.tau[mask] - mean) / size
    net = MLPRegressor(
        hidden_layer_sizes=hidden,
        activation="tanh",
        learning_rate_init=step,
        batch_size=min(config.batch_size, len(y)),
        alpha=0.0,
        random_state=seed,
    )
    predictions = []
    for epoch in range(config.epochs[-1]):
        net.partial_fit(x[mask], y)
        if epoch + 1 in config.epochs:
            predictions.append(net.predict(x).reshape(len(x), -1) * size + mean)
    return predictions
