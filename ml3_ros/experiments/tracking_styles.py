"""Looks of the methods that an arm tracks by and that nothing else shows, in their order."""

from collections.abc import Mapping

from ml3_ros.experiments.looks import DASH_DOT, DASHED, DOTTED, MethodStyle

TRACKING_STYLES: Mapping[str, MethodStyle] = {
    "ml3_shaped_residual": MethodStyle(
        label="model + ML3, shaped", color="#d5430b", linestyle=DASH_DOT, linewidth=2.0, zorder=4.9
    ),
    "ml3_adaptive_residual": MethodStyle(
        label="model + ML3 adaptive",
        color="#b0243f",
        linestyle=DASH_DOT,
        linewidth=2.0,
        zorder=4.95,
    ),
    "adam_tuned_residual": MethodStyle(
        label="model + Adam, tuned", color="#00916e", linestyle=DASH_DOT
    ),
    "sgd_tuned_residual": MethodStyle(
        label="model + SGD, tuned", color="#0d6fb8", linestyle=DASH_DOT
    ),
    "ml3_shaped_forgetting": MethodStyle(
        label="ML3, shaped, forgetting", color="#d5430b", linestyle=DASHED, zorder=4.7
    ),
    "ml3_prior_forgetting": MethodStyle(
        label="ML3 + prior, forgetting", color="#4b5fc4", linestyle=DASHED, zorder=4.75
    ),
    "adam_tuned_forgetting": MethodStyle(
        label="Adam, forgetting", color="#00916e", linestyle=DASHED
    ),
    "least_squares_forgetting": MethodStyle(
        label="least squares, forgetting", color="#777777", linestyle=DASH_DOT, zorder=2.45
    ),
    "feedback_only": MethodStyle(
        label="feedback only", color="#8a8a8a", linestyle=DOTTED, linewidth=1.8, zorder=2.1
    ),
}
