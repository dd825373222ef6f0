"""Reinforcement learning on the results page: policies that reach goals."""

from ml3_ros.experiments.inverse_dynamics.section import NEVER_RELEASED
from ml3_ros.experiments.runner.section import Section, Target

MOUNTAIN_CAR = Section(
    name="mountain_car",
    title="MountainCar (Fig. 6a, b)",
    command="ml3 experiment mountain_car --out out/mountain_car",
    paper="with an intermediate goal at meta-train time the learned loss explores and solves the "
    "task; iLQR and the loss without it fail",
    authors="solves it after one step on 2 of 3 meta-seeds, loses the goal again at the second or "
    "third update and stays lost; other initial policies fail",
    ours="at the goal from {config/kept_from:.0f} updates on: shaped {ml3_shaped/kept:.0%} of the "
    "policies, on {ml3_shaped/seeds_kept:.0f} of {seeds:.0f} meta-seeds all; unshaped "
    "{ml3_unshaped/kept:.0%}, iLQR {ilqr/kept:.0%}",
    about="Distance of the car from its goal when an episode ends, mean over "
    "{config/n_inits:.0f} initial policies of a meta-seed, {seeds:.0f} meta-seeds. Shaped losses "
    "were meta-trained with a way point on the other slope, unshaped ones without; policies under "
    "a loss see neither it nor a model. `ml3_shaped` is ours: a loss that wants an action, with a "
    "single minimum; `ml3_shaped_mlp` is the paper's network. iLQR knows the dynamics; it counts "
    "iterations.",
    notes=(
        "The median policy is at the goal first after {ml3_shaped/first:.0f} updates under the "
        "shaped loss, under the paper's network after {ml3_shaped_mlp/first:.0f} (inf: never); "
        "that keeps {ml3_shaped_mlp/kept:.0%} of the policies there.",
        "iLQR on the same task loss fails, as in the paper. With weights tuned for this very task "
        "it succeeds, first after {ilqr_tuned/first:.0f} iterations: a way point is not the only "
        "way to tell a planner with a model what to do.",
    ),
    targets=(
        Target(
            text="meta-seeds on which every policy is at the goal from 20 updates on",
            key="ml3_shaped/seeds_kept",
            relation=">=",
            value=10.0,
        ),
        Target(
            text="share of policies that the unshaped loss brings there",
            key="ml3_unshaped/kept",
            relation="<=",
            value=0.0,
        ),
        Target(
            text="the same of iLQR on the task loss", key="ilqr/kept", relation="<=", value=0.0
        ),
    ),
    columns=(0, 1, 2, 5, 10, 20, 100, 500),
    panels={"": "distance to the goal [m]"},
    figures={"mountain_car.png": "mountain_car.png"},
    curves=("ml3_shaped", "ml3_unshaped", "ml3_shaped_mlp", "ilqr"),
    y="distance to the goal [m]",
    scale="linear",
)

REACHER_DEMOS = Section(
    name="reacher_demos",
    title="Learning from demonstrations (Fig. 6c, d)",
    command="ml3 experiment reacher_demos --out out/reacher_demos",
    paper="a loss that was meta-trained on demonstrations for four targets trains policies for "
    "new targets, where behavioural cloning fails",
    authors=NEVER_RELEASED,
    ours="distance to new targets after {config/compared_at:.0f} updates: shaped "
    "{ml3_shaped/distance:.2g} m, behavioural cloning {behavioural_cloning/distance:.2g} m, where "
    "it sees what the loss sees {behavioural_cloning_observant/distance:.2g} m",
    about="Distance of the fingertip to {config/n_targets:.0f} new targets when an episode ends, "
    "mean over targets, {config/seeds:.0f} seeds. iLQR shows {config/n_shown:.0f} episodes "
    "for each of four targets; the task loss of meta-training is the error of actions where "
    "the expert was. `ml3_shaped` is ours: a loss that wants an action, also meta-trained by the "
    "error of what it wants, with learned step sizes over descent with momentum; "
    "`ml3_shaped_mlp` is the paper's network. A learned loss trains a fresh policy for every new "
    "target; a clone is one policy for all that is told the target. Its step size and steps, and "
    "after how much of their meta-training losses are taken, were chosen on the same other "
    "targets. The observant clone sees the way that is left in the first link's frame, as the "
    "learned losses do, in place of joint angles and target.",
    notes=(
        "The shaped loss is as close as behavioural cloning after "
        "{ml3_shaped/updates_to_behavioural_cloning:.0f} updates, and at last within tolerance of "
        "{ml3_shaped/reached:.0%} of the targets; cloning of "
        "{behavioural_cloning/reached:.0%}.",
        "**Where a policy can be given what the loss sees, cloning is enough**: the observant "
        "clone reaches {behavioural_cloning_observant/reached:.0%} of the targets without a "
        "single update. What the paper's comparison shows is that a loss generalises with what "
        "it sees.",
        "The paper's network as a loss (`ml3_shaped_mlp`) reaches {ml3_shaped_mlp/reached:.0%}.",
    ),
    targets=(
        Target(
            text="distance under the shaped loss over that of behavioural cloning",
            key="ml3_shaped/distance / behavioural_cloning/distance",
            relation="<=",
            value=1.0,
        ),
        Target(
            text="the same over the observant clone",
            key="ml3_shaped/distance / behavioural_cloning_observant/distance",
            relation="<=",
            value=1.0,
        ),
        Target(
            text="no drift: largest distance in ten times as many updates over it",
            key="ml3_shaped/worst",
            relation="<=",
            value=1.5,
        ),
    ),
    columns=(0, 1, 5, 10, 20, 100, 1000),
    panels={"": "distance to new targets [m]"},
    figures={"reacher_demos.png": "reacher_demos.png"},
    curves=(
        "ml3_shaped",
        "ml3_shaped_mlp",
        "behavioural_cloning",
        "behavioural_cloning_observant",
    ),
    y="distance to new targets [m]",
)

REACHING = (MOUNTAIN_CAR, REACHER_DEMOS)
