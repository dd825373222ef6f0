# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""All meta-losses by name."""

from collections.abc import Callable, Mapping
from functools import cache
from inspect import Parameter, signature
from typing import Any

from ml3_ros.core.checks import (
    check_flag,
    check_list,
    check_name,
    check_number,
    check_whole,
    quoted,
)
from ml3_ros.core.losses.classification import CrossEntropy, MonotoneCrossEntropy
from ml3_ros.core.losses.formulas.formula_loss import FormulaLoss
from ml3_ros.core.losses.inertia_pull import InertiaPullLoss
from ml3_ros.core.losses.likelihood import LikelihoodLoss
from ml3_ros.core.losses.meta_losses import MetaLoss, MlpLoss, SquaredError, StructuredLoss
from ml3_ros.core.losses.prior import PriorLoss
from ml3_ros.core.losses.trajectory import DesiredActionLoss, TrajectoryLoss
from ml3_ros.core.losses.weighting.weighted_loss import WeightedLoss
from ml3_ros.core.networks import MAX_WEIGHTS
from ml3_ros.errors import ConfigError

ARCHITECTURES: dict[str, type[MetaLoss]] = {
    "mlp": MlpLoss,
    "structured": StructuredLoss,
    "inertia_pull": InertiaPullLoss,
    "prior": PriorLoss,
    "weighted": WeightedLoss,
    "formula": FormulaLoss,
    "trajectory": TrajectoryLoss,
    "desired_action": DesiredActionLoss,
    "likelihood": LikelihoodLoss,
    "squared_error": SquaredError,
    "monotone_cross_entropy": MonotoneCrossEntropy,
    "cross_entropy": CrossEntropy,
}
LARGEST_WHOLE = 2**20
LARGEST_OPTION = 1e9  # of any number; each architecture narrows its own


def _check_option(name: str, value: Any) -> None:
    check_number(name, value, -LARGEST_OPTION, LARGEST_OPTION)


def _check_width(name: str, value: Any) -> None:
    check_whole(f"layer sizes of {name}", value, 1, MAX_WEIGHTS)


CHECKS: dict[object, Callable[[str, Any], None]] = {
    bool: check_flag,
    int: lambda name, value: check_whole(name, value, 0, LARGEST_WHOLE),
    float: _check_option,
    tuple[float, ...]: lambda name, value: check_list(name, value, _check_option),
    tuple[str, ...]: lambda name, value: check_list(name, value, check_name),
    tuple[int, ...]: lambda name, value: check_list(name, value, _check_width),
}


def make_meta_loss(
    architecture: str, n_outputs: int, context_sizes: Mapping[str, int], **options: Any
) -> MetaLoss:
    """Build a meta-loss by name.

    Raises:
        ConfigError: If there is no such architecture, or it has no such option or value of one.
    """
    if not isinstance(architecture, str) or architecture not in ARCHITECTURES:
        raise ConfigError(
            f"unknown loss architecture {quoted(architecture)}: use one of "
            f"{', '.join(ARCHITECTURES)}"
        )
    known = options_of(architecture)
    for name, value in options.items():
        if name not in known:
            raise ConfigError(
                f"loss architecture {architecture!r} has no option {quoted(name)}: it has "
                f"{', '.join(known) or 'none'}"
            )
        CHECKS[known[name]](name, value)
    try:
        return ARCHITECTURES[architecture](n_outputs, context_sizes, **options)
    except TypeError as error:  # an option that it cannot do without
        raise ConfigError(f"loss architecture {architecture!r}: {error}") from error


@cache
def options_of(architecture: str) -> dict[str, object]:
    """Return the options of an architecture, with the type of each."""
    options: dict[str, object] = {}
    for kind in ARCHITECTURES[architecture].__mro__:
        parameters = signature(kind, eval_str=True).parameters.values()
        options |= {p.name: p.annotation for p in parameters if p.kind is Parameter.KEYWORD_ONLY}
        if not any(p.kind is Parameter.VAR_KEYWORD for p in parameters):
            break  # else the rest is handed on to the next class
    return options
