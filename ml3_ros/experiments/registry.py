"""All experiments by name."""

from ml3_ros.experiments import (
    digits_output,
    generalisation_output,
    inverse_dynamics,
    shaped_sine_output,
    sine_regression_output,
)
from ml3_ros.experiments.experiment import Arrays, Experiment, Report

__all__ = ["EXPERIMENTS", "Arrays", "Experiment", "Report"]

EXPERIMENTS: dict[str, Experiment] = {
    **sine_regression_output.EXPERIMENTS,
    **shaped_sine_output.EXPERIMENTS,
    **inverse_dynamics.EXPERIMENTS,
    **digits_output.EXPERIMENTS,
    **generalisation_output.EXPERIMENTS,
}
