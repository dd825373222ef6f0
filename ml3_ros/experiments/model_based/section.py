"""Model-based reinforcement learning on the results page: the point mass, and two links."""

from ml3_ros.experiments.runner.section import NEVER_RELEASED, Section, Target

_RIVALS = {
    "sgd_learned_model": "gradient descent on the task loss through learned dynamics",
    "adam_learned_model": "Adam through learned dynamics",
    "adam_true_model": "Adam through the true dynamics",
}
_OURS = (
    "after a fifth of the updates, {ml3_desired_action/share_of_sgd_learned_model:.2g} times the "
    "distance of gradient descent through learned dynamics, "
    "{ml3_desired_action/share_of_adam_learned_model:.2g} times that of Adam, "
    "{ml3_desired_action/share_of_adam_true_model:.2g} times that of Adam through the true ones"
)
_ABOUT = """\
Distance to the goal when an episode ends, mean over goals, {seeds:.0f} seeds of
{config/n_goals:.0f} goals that nothing was trained or tuned on: half of them in the half plane of
meta-training, half in the other one. Policies are alike for all methods, and start alike. Under
a learned loss they act in the world and know no model; their rivals minimise the task loss through
a model, learned or true, with step sizes chosen on other goals for 100 updates, against which
all are compared. `ml3_desired_action` is ours: a loss that wants an action, also meta-trained by
where it leads in the end, with learned step sizes by role and age over descent with momentum.
`ml3_mlp` is the paper's: a network on state, goal and action that puts out a loss and a step
size. Of each, the loss that is best on validation goals on the way is kept."""
_NOTES = (
    "Updates until policies under it are as close as the rivals at last: "
    "{ml3_desired_action/updates_to_sgd_learned_model:.0f} for gradient descent through learned "
    "dynamics, {ml3_desired_action/updates_to_adam_learned_model:.0f} for Adam, and "
    "{ml3_desired_action/updates_to_adam_true_model:.0f} for Adam through the true dynamics (inf: "
    "never); under the paper's network {ml3_mlp/updates_to_sgd_learned_model:.0f}, "
    "{ml3_mlp/updates_to_adam_learned_model:.0f} and {ml3_mlp/updates_to_adam_true_model:.0f}.",
    "What this loss brings is knowledge of the tasks: doing what it wants, without any policy, "
    "ends {ml3_desired_action/wanted:.2g} m from the goal, and policies follow it as fast as "
    "descent lets them. Of {runs:.0f} runs {ml3_desired_action/lost:.0f} end farther away than "
    "they began, {ml3_mlp/lost:.0f} under the paper's network.",
)


def _section(name: str, title: str, notes: tuple[str, ...]) -> Section:
    targets = tuple(
        Target(
            text=f"distance after a fifth of the updates over that of {text}",
            key=f"ml3_desired_action/share_of_{rival}",
            relation="<=",
            value=1.0,
        )
        for rival, text in _RIVALS.items()
    )
    return Section(
        name=name,
        title=title,
        command=f"ml3 experiment {name} --out out/{name}",
        paper="the learned loss needs fewer updates than the task loss through a model, and "
        "generalises to goals in the other half plane",
        authors=NEVER_RELEASED,
        ours=_OURS,
        about=_ABOUT,
        targets=(
            *targets,
            Target(
                text="distance at goals elsewhere over that at goals as in meta-training",
                key="ml3_desired_action/gap",
                relation="<=",
                value=1.2,
            ),
            Target(
                text="no drift: largest distance in ten times as many updates over it",
                key="ml3_desired_action/worst",
                relation="<=",
                value=1.5,
            ),
        ),
        columns=(0, 1, 5, 10, 20, 50, 100, 200),
        panels={"": "goals as in meta-training [m]", "elsewhere": "goals elsewhere [m]"},
        figures={f"{name}.png": f"{name}.png"},
        curves=("ml3_desired_action", "ml3_mlp", "sgd_learned_model", "adam_true_model"),
        y="distance to the goal [m]",
        notes=notes,
    )


GOALS = (
    _section("pointmass_goal", "Point mass, model-based (Fig. 3a, b)", _NOTES),
    _section("reacher_goal", "ReacherGoal, model-based (Fig. 3c)", _NOTES),
)
