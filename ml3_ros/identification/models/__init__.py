"""What a user would do without learned losses: identification by least squares."""

from ml3_ros.identification.models.friction_fit import (
    friction_fit,
    friction_predict,
    prequential_friction_fit,
)
from ml3_ros.identification.models.least_squares import (
    JointColumns,
    RecursiveLeastSquares,
    TorqueRegressor,
    prequential,
    ridge_solution,
)

__all__ = [
    "JointColumns",
    "RecursiveLeastSquares",
    "TorqueRegressor",
    "friction_fit",
    "friction_predict",
    "prequential",
    "prequential_friction_fit",
    "ridge_solution",
]
