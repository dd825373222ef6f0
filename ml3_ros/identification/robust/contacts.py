# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Search of a recording for what touched the arm, and how much each row counts in a fit.

Fits of the reference model are made without each inner group, by least squares and by robust fits
of several widths; which is right is what predicts best the left-out rows that agree with it. Where
no robust fit does clearly better than least squares, nothing touched the arm and every row counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml3_ros.identification.fits import Explained, training_masks
from ml3_ros.identification.robust.irls import RobustConfig, robust_start, settle
from ml3_ros.identification.robust.problems import JointwiseProblem
from ml3_ros.identification.robust.reference import reference_columns
from ml3_ros.identification.robust.weights import silent, windowed_mean
from ml3_ros.identification.split import Rows

Array = NDArray[np.float64]
Width = float | None  # of a robust fit [scales]; None is least squares
WIDTHS = (1.8, 2.5, 3.5, 5.0, 8.0)  # of robust fits to choose from
CLOSE = 0.03  # errors so near to the least, in logarithms, are alike: the narrowest width is taken
GAIN = 0.3  # a robust fit must lower the logarithm of the left-out error by so much
TRUSTED = (0.3, 0.6)  # shares of left-out rows, the best predicted ones, that errors are means of
STEP = 0.03  # of the rows that the search fits [s]: efforts change little in between


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Search:
    """Fits of the reference model in every width, and the one that was chosen.

    `residual` (INNER + 1, R, n) of all rows by the fits without each inner group and by that of
    all learnable rows, and `scale` (INNER + 1, n) of the rows that agree with them, in the unit of
    the effort; `error` is the logarithm of the left-out error by width.
    """

    width: Width
    residual: Array
    scale: Array
    error: dict[Width, float]

    @property
    def gain(self) -> float:
        """By how much the best robust fit lowers the logarithm of the left-out error."""
        return self.error[None] - min(self.error[width] for width in WIDTHS)


def search(data: Explained, config: RobustConfig) -> Search:
    """Fit the reference model in every width and choose one by left-out groups."""
    rows, masks = data.rows, training_masks(data.rows)
    columns, penalties = reference_columns(data, masks[-1])
    every = max(1, round(STEP / float(np.median(np.diff(rows.t)))))
    some = np.arange(len(rows.t)) % every == 0
    residual = {width: np.empty((len(masks), *rows.tau.shape)) for width in (None, *WIDTHS)}
    scale = {width: np.empty((len(masks), rows.tau.shape[1])) for width in (None, *WIDTHS)}
    for i, mask in enumerate(masks):
        at = np.flatnonzero(mask & some)
        problem = JointwiseProblem([x[at] for x in columns], penalties, rows.tau[at])
        for width, weights, of_noise in _in_every_width(problem, rows.t[at], config):
            found = problem.parameters(weights)
            predicted = [x @ w for x, w in zip(columns, found, strict=True)]
            residual[width][i] = rows.tau - np.stack(predicted, axis=-1)
            scale[width][i] = of_noise
    error = {width: left_out_error(rows, x, config.half) for width, x in residual.items()}
    least = min(error[width] for width in WIDTHS)
    # a narrow fit that leaves out too much loses rows; a wide one learns what touched the arm
    best = min(width for width in WIDTHS if error[width] <= least + CLOSE)
    chosen = best if least < error[None] - GAIN else None
    return Search(width=chosen, residual=residual[chosen], scale=scale[chosen], error=error)


def _in_every_width(
    problem: JointwiseProblem, t: Array, config: RobustConfig
) -> list[tuple[Width, Array, Array]]:
    """Return width, weights (R, n) and scale (n,) of least squares and every robust fit."""
    ones = np.ones_like(problem.tau)
    fits: list[tuple[Width, Array, Array]] = [(None, ones, problem.solve(ones).std(axis=0))]
    start = robust_start(problem, t, config)
    for width in WIDTHS:
        fit = settle(problem, t, start, width, config)
        fits.append((width, fit.weights, fit.scale))
    return fits


def left_out_error(rows: Rows, residual: Array, half: float) -> float:
    """Return the logarithm of the left-out error of the rows that are predicted best.

    Mean over joints and over TRUSTED shares of the rows; what touches the others has no say, nor
    has a joint that is `silent`.

    Args:
        rows: The samples.
        residual: Of all rows by the fit without inner group 0, 1, ..., (>= INNER, R, n).
        half: Half the window over which squares are pooled [s].
    """
    learned = np.flatnonzero(~rows.held_out)
    heard = ~silent(rows.tau[learned])
    if not heard.any():
        return 0.0
    unseen = residual[rows.group[learned], learned][:, heard]
    power = np.sort(windowed_mean(np.square(unseen), rows.t[learned], half), axis=0)
    spread = np.maximum(rows.tau[learned][:, heard].var(axis=0), 1e-12)
    means = [power[: max(1, int(share * len(power)))].mean(axis=0) for share in TRUSTED]
    return float(np.mean(np.log(np.stack(means) / spread + 1e-12)))
