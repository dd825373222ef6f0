"""The section of the results page: MountainCar."""

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
