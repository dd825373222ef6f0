"""Looks of the methods that identify a recording, in their order."""

from collections.abc import Mapping

from ml3_ros.experiments.looks import DASH_DOT, DASHED, DOTTED, INK, MethodStyle

IDENTIFICATION_STYLES: Mapping[str, MethodStyle] = {
    "ridge": MethodStyle(
        label="ridge regression", color="#777777", linestyle=DASHED, meaning="on q, v, a"
    ),
    "ridge_features": MethodStyle(
        label="ridge, features",
        color=INK,
        linestyle=DASHED,
        meaning="ridge on q, v, a with sines, cosines, directions and their products",
    ),
    "regressor_ridge": MethodStyle(
        label="regressor, ridge",
        color=INK,
        linestyle=DASHED,
        meaning="Pinocchio's regressor and classical friction columns, a ridge per joint",
    ),
    "extended_fit": MethodStyle(
        label="extended fit",
        color="#0d6fb8",
        linestyle=DASH_DOT,
        linewidth=2.0,
        zorder=4.4,
        meaning="the same with friction that is smoothed in time and sticks; no network",
    ),
    "network_adam": MethodStyle(
        label="network, Adam", color="#7cc4ac", meaning="plain network, no model of the arm"
    ),
    "network_ml3": MethodStyle(
        label="network, ML3",
        color="#eb9f14",
        meaning="the same network, trained by a learned loss",
    ),
    "mlp_tuned": MethodStyle(
        label="MLP, tuned", color="#00916e", meaning="on q, v, a; Adam, size and steps tuned"
    ),
    "residual_adam": MethodStyle(
        label="classical fit + Adam network",
        color="#62b3e6",
        meaning="a network on what the classical fit leaves",
    ),
    "residual_ml3": MethodStyle(
        label="classical fit + ML3 network",
        color="#d5430b",
        linewidth=2.0,
        meaning="the same, trained by a learned loss",
    ),
    "hybrid_adam": MethodStyle(
        label="hybrid, Adam",
        color="#6a9a5b",
        linestyle=DOTTED,
        linewidth=2.0,
        meaning="extended fit and a network, trained by Adam, on what it leaves",
    ),
    "hybrid_ml3": MethodStyle(
        label="hybrid, ML3",
        color="#3d7a2a",
        linewidth=2.3,
        zorder=5.0,
        meaning="extended fit and a network, trained by a learned loss, on what it leaves",
    ),
}
