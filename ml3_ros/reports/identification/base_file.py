# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Base parameters as YAML: value, interval, and what each of them is a combination of."""

from __future__ import annotations

import numpy as np
import yaml

from ml3_ros.identification.confidence.base_fit import BaseFit
from ml3_ros.identification.confidence.parameters import parameters_of
from ml3_ros.identification.confidence.sandwich import LEVEL

HEADER = f"""\
# Base parameters of the arm: the combinations of its parameters that torques can show, fitted to
# the blocks of a recording that were learned from. Each bears the name of the first parameter in
# it; parts are factors. Units: kg, kg m, kg m^2 about the joint's origin, N m, N m s/rad; efforts
# were divided by effort_per_newton_metre first, joint by joint.
# low and high hold the true value in {100.0 * LEVEL:.0f} % of recordings where the model has the
# right form; error is the standard error in units of what such a parameter may amount to on this
# arm, and one of 1 or more says that the motion does not show it.
"""


def base_parameters_text(fit: BaseFit) -> str:
    """Return base_parameters.yaml of a fit."""
    names = [str(parameter) for parameter in parameters_of(len(fit.unit))]
    ends = fit.estimate.interval() * fit.sizes[:, None]
    content = [
        {
            "name": str(parameter),
            "value": _short(value),
            "low": _short(low),
            "high": _short(high),
            "error": _short(error),
            "parts": {names[k]: _short(row[k]) for k in np.flatnonzero(row)},
        }
        for parameter, value, (low, high), error, row in zip(
            fit.base.parameters,
            fit.values,
            ends,
            fit.relative,
            fit.base.combination,
            strict=True,
        )
    ]
    units = [_short(unit) for unit in fit.unit]
    text = yaml.safe_dump(
        {"effort_per_newton_metre": units, "base_parameters": content},
        sort_keys=False,
        width=10**6,
    )
    return HEADER + str(text)


def _short(value: float) -> float:
    return float(f"{value:.6g}")
