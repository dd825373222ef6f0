"""All experiments by name."""

from ml3_ros.experiments import invdyn_whole
from ml3_ros.experiments.experiment import Arrays, Experiment, Report

__all__ = ["EXPERIMENTS", "Arrays", "Experiment", "Report"]

EXPERIMENTS: dict[str, Experiment] = {**invdyn_whole.EXPERIMENTS}
