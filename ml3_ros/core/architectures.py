"""All meta-losses by name."""

from collections.abc import Mapping
from typing import Any

from ml3_ros.core.classification_losses import CrossEntropy, MonotoneCrossEntropy
from ml3_ros.core.likelihood_loss import LikelihoodLoss
from ml3_ros.core.meta_losses import MetaLoss, MlpLoss, SquaredError, StructuredLoss
from ml3_ros.core.prior_loss import PriorLoss
from ml3_ros.core.trajectory_loss import DesiredActionLoss, TrajectoryLoss
from ml3_ros.errors import ConfigError

ARCHITECTURES: dict[str, type[MetaLoss]] = {
    "mlp": MlpLoss,
    "structured": StructuredLoss,
    "prior": PriorLoss,
    "trajectory": TrajectoryLoss,
    "desired_action": DesiredActionLoss,
    "likelihood": LikelihoodLoss,
    "squared_error": SquaredError,
    "monotone_cross_entropy": MonotoneCrossEntropy,
    "cross_entropy": CrossEntropy,
}


def make_meta_loss(
    architecture: str, n_outputs: int, context_sizes: Mapping[str, int], **options: Any
) -> MetaLoss:
    """Build a meta-loss by name.

    Raises:
        ConfigError: If there is no such architecture, or it has no such option.
    """
    if architecture not in ARCHITECTURES:
        raise ConfigError(
            f"unknown loss architecture {architecture!r}: use one of {', '.join(ARCHITECTURES)}"
        )
    try:
        return ARCHITECTURES[architecture](n_outputs, context_sizes, **options)
    except TypeError as error:
        raise ConfigError(f"loss architecture {architecture!r}: {error}") from error
