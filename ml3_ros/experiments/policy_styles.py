"""Looks of the methods that train policies, in their order."""

from collections.abc import Mapping

from ml3_ros.experiments.looks import DASH_DOT, DASHED, DOTTED, INK, MethodStyle

# What needs no model of the world is drawn solid.
POLICY_STYLES: Mapping[str, MethodStyle] = {
    "ml3_desired_action": MethodStyle(
        label="ML3, desired action",
        color="#d5430b",
        linewidth=2.3,
        zorder=5.0,
        meaning="ours: the loss wants an action; no model at meta-test",
    ),
    "ml3_mlp": MethodStyle(
        label="ML3, MLP",
        color="#eb9f14",
        linewidth=2.0,
        zorder=4.0,
        meaning="the paper's loss network on states, goal and actions; no model at meta-test",
    ),
    "ilqr": MethodStyle(
        label="iLQR",
        color="#777777",
        linestyle=DASHED,
        linewidth=1.6,
        meaning="control-limited, through the true dynamics, on the task loss",
    ),
    "ilqr_tuned": MethodStyle(
        label="iLQR, tuned",
        color=INK,
        linestyle=DASHED,
        linewidth=1.6,
        meaning="the same, with the weights of its cost tuned on this very task",
    ),
    "behavioural_cloning": MethodStyle(
        label="behavioural cloning",
        color=INK,
        linestyle=DASH_DOT,
        linewidth=1.6,
        meaning="one policy, fitted to the demonstrations and told the target; it adapts no more",
    ),
    "behavioural_cloning_observant": MethodStyle(
        label="behavioural cloning, observant",
        color="#777777",
        linestyle=DASH_DOT,
        linewidth=1.6,
        meaning="the same; its policy sees the way that is left, as the learned loss does",
    ),
    "adam_learned_model": MethodStyle(
        label="Adam, learned model", color="#00916e", linestyle=DASHED, linewidth=1.4
    ),
    "sgd_learned_model": MethodStyle(
        label="SGD, learned model", color="#0d6fb8", linestyle=DASHED, linewidth=1.4
    ),
    "adam_true_model": MethodStyle(
        label="Adam, true model",
        color=INK,
        linestyle=DOTTED,
        linewidth=1.4,
        meaning="Adam on the task loss itself, through the true dynamics",
    ),
    "sgd_true_model": MethodStyle(
        label="SGD, true model", color="#777777", linestyle=DOTTED, linewidth=1.4
    ),
    "ml3_reach": MethodStyle(
        label="ML3",
        color="#c2410f",
        linewidth=2.3,
        zorder=5.0,
        meaning="a frozen learned loss, one gradient step an episode; no model of the arm",
    ),
    "random_search": MethodStyle(
        label="random search",
        color="#4a6d8c",
        meaning="a random change an episode, kept where it is better; no model of the arm",
    ),
    "ml3_no_limit": MethodStyle(
        label="ML3, no limit",
        color="#b5651d",
        linestyle=DASHED,
        linewidth=2.0,
        meaning="the same, meta-trained by unrolled updates alone",
    ),
    "ml3_evolution": MethodStyle(
        label="ML3, evolution",
        color="#8c2d04",
        linestyle=DOTTED,
        linewidth=2.0,
        meaning="the loss of ours, meta-trained by persistent evolution strategies",
    ),
    "ml3_likelihood": MethodStyle(
        label="ML3, likelihood",
        color="#eb9f14",
        linestyle=DASH_DOT,
        linewidth=2.0,
        zorder=4.0,
        meaning="the paper's loss network on state, goal, action and its likelihood; no reward at "
        "meta-test",
    ),
    "ppo": MethodStyle(
        label="PPO, tuned",
        color="#0d6fb8",
        linestyle=DASH_DOT,
        meaning="stable-baselines3 on the reward, its settings tuned on other goals",
    ),
}

_LAYER_HUES = ("#eb9f14", "#d5430b", "#4b5fc4", "#3d7a2a")
LAYER_STYLES: Mapping[str, MethodStyle] = {
    f"hidden_layers_{n}": MethodStyle(
        label=f"{n} hidden layer{'' if n == 1 else 's'}", color=hue, linewidth=1.9
    )
    for n, hue in enumerate(_LAYER_HUES, 1)
}
"""Of policies of other depths under one loss."""
