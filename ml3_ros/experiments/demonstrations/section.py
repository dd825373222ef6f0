"""The section of the results page: learning from demonstrations."""

from ml3_ros.experiments.runner.section import NEVER_RELEASED, Section, Target

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
