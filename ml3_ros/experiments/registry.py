"""All experiments by name."""

from ml3_ros.experiments import digits_output, inverse_dynamics
from ml3_ros.experiments.experiment import Arrays, Experiment, Report

__all__ = ["EXPERIMENTS", "Arrays", "Experiment", "Report"]

EXPERIMENTS: dict[str, Experiment] = {
    **inverse_dynamics.EXPERIMENTS,
    **digits_output.EXPERIMENTS,
}
