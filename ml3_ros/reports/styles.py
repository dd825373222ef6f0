"""How a method is drawn and called, and in which order methods stand in figures and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ml3_ros.experiments.identification_styles import IDENTIFICATION_STYLES
from ml3_ros.experiments.looks import DASH_DOT, DASHED, DOTTED, INK, MethodStyle
from ml3_ros.experiments.policy_styles import LAYER_STYLES, POLICY_STYLES
from ml3_ros.experiments.tracking_styles import TRACKING_STYLES

# Hues are those of Okabe and Ito, which stay apart for all kinds of colour vision. What learns is
# drawn solid, what knows a model dashed and dark.
METHOD_STYLES: Mapping[str, MethodStyle] = {
    "ml3_shaped": MethodStyle(
        label="ML3, shaped",
        color="#d5430b",
        linewidth=2.3,
        zorder=5.0,
        meaning="plain ML3: a learned loss, one step size; meta-training knew M(q)",
    ),
    "ml3_unshaped": MethodStyle(
        label="ML3, unshaped",
        color="#eb9f14",
        linewidth=2.0,
        zorder=4.0,
        meaning="plain ML3, meta-trained on torque errors alone",
    ),
    "ml3_shaped_mlp": MethodStyle(label="ML3, shaped, MLP", color="#d5430b", linestyle=DOTTED),
    "ml3_unshaped_mlp": MethodStyle(label="ML3, unshaped, MLP", color="#eb9f14", linestyle=DOTTED),
    "ml3_adam": MethodStyle(label="ML3, through Adam", color="#8c2d04", linewidth=2.3, zorder=5.0),
    "ml3_sgd": MethodStyle(label="ML3, through SGD", color="#c8a415", linewidth=2.0, zorder=4.0),
    "ml3_paper": MethodStyle(label="ML3, paper's recipe", color="#b0243f", linestyle=DOTTED),
    "adam_learned_steps": MethodStyle(
        label="Adam, learned steps", color="#00916e", linestyle=DASH_DOT, linewidth=1.4
    ),
    "ml3_adaptive": MethodStyle(
        label="ML3 adaptive",
        color="#b0243f",
        linewidth=2.3,
        zorder=5.2,
        meaning="ours: a loss and the step sizes of Adam learned together; no model of the arm",
    ),
    "ml3_prior": MethodStyle(
        label="ML3 + prior",
        color="#4b5fc4",
        linestyle=DASH_DOT,  # it learns, and is given a model
        linewidth=2.3,
        zorder=5.1,
        meaning="ours: the same, and the loss carries a network of this kind of arm, of which it "
        "finds out masses, payload and friction",
    ),
    "ml3_prior_distilled": MethodStyle(
        label="ML3 + prior, distilled start", color="#4b5fc4", linestyle=DOTTED, linewidth=2.0
    ),
    "adam_tuned": MethodStyle(label="Adam, tuned", color="#00916e"),
    "sgd_tuned": MethodStyle(label="SGD, tuned", color="#0d6fb8"),
    "sgd_same_step": MethodStyle(label="SGD, same step", color="#62b3e6", linewidth=1.3),
    "adam_same_step": MethodStyle(
        label="Adam, same step", color="#7cc4ac", linestyle=DASHED, linewidth=1.4
    ),
    "least_squares_friction": MethodStyle(
        label="least squares + friction", color=INK, linestyle=DASHED, linewidth=1.4, zorder=2.5
    ),
    "least_squares": MethodStyle(
        label="least squares", color="#777777", linestyle=DASHED, linewidth=1.4, zorder=2.4
    ),
    "hybrid": MethodStyle(
        label="hybrid, friction", color="#3d7a2a", linestyle=DASH_DOT, linewidth=2.0, zorder=4.6
    ),
    "hybrid_rigid": MethodStyle(
        label="hybrid, rigid body", color="#3d7a2a", linestyle=DOTTED, linewidth=2.0, zorder=4.5
    ),
    "distilled_prior": MethodStyle(
        label="distilled, Adam", color="#4b5fc4", linestyle=DASHED, linewidth=1.4, zorder=2.7
    ),
    "prior_as_model": MethodStyle(
        label="prior as model", color="#8e3a80", linestyle=DOTTED, linewidth=1.4, zorder=2.3
    ),
    "prior_identified": MethodStyle(
        label="prior, identified", color="#8e3a80", linestyle=DASHED, linewidth=1.4, zorder=2.3
    ),
    "classical_fit": MethodStyle(
        label="model + friction fit", color="#8e3a80", linestyle=DASH_DOT, zorder=2.6
    ),
    "rigid_body": MethodStyle(
        label="rigid-body model", color="#c986ad", linestyle=DOTTED, linewidth=1.8, zorder=2.2
    ),
}
_ALL = {
    **METHOD_STYLES,
    **TRACKING_STYLES,
    **IDENTIFICATION_STYLES,
    **POLICY_STYLES,
    **LAYER_STYLES,
}
_SPARE_COLORS = ("#7a5c1e", "#4b5fc4", "#b0243f", "#3d7a2a", "#5d4a8a")


def method_style(name: str, others: Sequence[str] = ()) -> MethodStyle:
    """Return the style of a method; one without its own gets a spare colour by its place.

    Args:
        name: Method.
        others: All methods of the figure, so that two unknown ones differ.
    """
    if name in _ALL:
        return _ALL[name]
    unknown = [other for other in others if other not in _ALL]
    place = unknown.index(name) if name in unknown else 0
    color = _SPARE_COLORS[place % len(_SPARE_COLORS)]
    return MethodStyle(label=name.replace("_", " "), color=color)


def in_order(names: Sequence[str]) -> list[str]:
    """Sort methods as they are listed here, those of policies behind, unknown ones last."""
    known = list(_ALL)
    return sorted(names, key=lambda name: (known.index(name) if name in known else 99, name))
