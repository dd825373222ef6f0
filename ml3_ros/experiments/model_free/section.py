"""Model-free reinforcement learning on the results page."""

from ml3_ros.experiments.runner.section import NEVER_RELEASED, Section, Target

_ABOUT = """\
Minus the mean return of policies that act by their mean, over environment steps, {seeds:.0f} seeds
of {config/n_goals:.0f} goals that nothing was trained or tuned on, half of them where losses were
meta-trained, half elsewhere. Policies under a learned loss see no reward. `ml3_desired_action` is
ours: a loss that wants an action, also meta-trained by the return of doing what it wants, from
starts turned at random.{forms}
`ppo` is PPO of stable-baselines3 with the same network, observations and simulation; it chose
among {config/candidates:.0f} settings on other goals. Steps are counted until a run is 80 % of the
way from fresh policies to the best that any method finds on its goal; a run that never comes so
far counts with PPO's whole budget. Steps of meta-training are not among them."""
_FORMS = " `ml3_likelihood` is the paper's, on what was done and how likely it was."
_OURS = (
    "PPO takes {ml3_desired_action/ratio:.2g} times [{ml3_desired_action/ratio_low:.2g} "
    "{ml3_desired_action/ratio_high:.2g}] the samples of the loss that wants an action"
)
_NOTES = (
    "Where losses were meta-trained the ratio is {ml3_desired_action/ratio@trained:.2g} "
    "[{ml3_desired_action/ratio_low@trained:.2g} {ml3_desired_action/ratio_high@trained:.2g}], "
    "elsewhere {ml3_desired_action/ratio@elsewhere:.2g} "
    "[{ml3_desired_action/ratio_low@elsewhere:.2g} "
    "{ml3_desired_action/ratio_high@elsewhere:.2g}] (bootstrap intervals); of the runs "
    "{ml3_desired_action/reached:.0%} come there, of those of PPO {ppo/reached:.0%}.",
    "Within its budget PPO finds policies that cost {ppo/best_cost:.3g} in the mean, the loss "
    "that wants an action {ml3_desired_action/best_cost:.3g}; elsewhere it is "
    "{ppo/best_cost@elsewhere:.3g} and {ml3_desired_action/best_cost@elsewhere:.3g}.",
    "What this loss brings is knowledge of the tasks, not a better optimizer: doing what it "
    "wants, without any policy and without a single step, costs {wanted_action/cost:.3g}.",
    "Meta-training itself took {meta_training_steps:.2g} environment steps for one loss; they are "
    "saved after {ml3_desired_action/break_even:.0f} policies.",
)


def _section(
    world: str, panels: str, forms: str, columns: tuple[int, ...], notes: tuple[str, ...]
) -> Section:
    name = f"{world.lower()}_free"
    return Section(
        name=name,
        title=f"{world}Goal, model-free (Fig. {panels})",
        command=f"ml3 experiment {name} --out out/{name}",
        paper="on average a fifth of PPO's samples to 80 % of the task's performance, over both "
        "robots; the same loss trains policies of one to four layers",
        authors=NEVER_RELEASED,
        ours=_OURS,
        about=_ABOUT.replace("{forms}", forms),
        targets=(
            Target(
                text="samples of PPO over those under the loss, to 80 % of the best performance",
                key="ml3_desired_action/ratio",
                relation=">=",
                value=8.0,
            ),
        ),
        columns=columns,
        panels={
            "": "goals as in meta-training",
            "elsewhere": "goals elsewhere",
            "architectures": "policies of other depths, all goals",
        },
        figures={f"{name}.png": f"{name}.png"},
        y="minus the return",
        notes=notes,
    )


MODEL_FREE = (
    _section(
        "Reacher",
        "4a, c",
        _FORMS,
        columns=(100, 465, 936, 1882, 4354, 17612),
        notes=(
            *_NOTES,
            "The paper's loss, which sees likelihoods, has a ratio of {ml3_likelihood/ratio:.2g} "
            "[{ml3_likelihood/ratio_low:.2g} {ml3_likelihood/ratio_high:.2g}]; "
            "{ml3_likelihood/reached:.0%} of its runs come there.",
            "Without the limit in its meta-training the loss that wants an action has a ratio of "
            "{ml3_no_limit/ratio:.2g} [{ml3_no_limit/ratio_low:.2g} "
            "{ml3_no_limit/ratio_high:.2g}] by unrolled updates, {ml3_no_limit/reached:.0%} of "
            "its runs come there; by persistent evolution strategies, with as many environment "
            "steps, {ml3_evolution/ratio:.2g} "
            "[{ml3_evolution/ratio_low:.2g} {ml3_evolution/ratio_high:.2g}]; "
            "{ml3_evolution/reached:.0%} of its runs come there.",
        ),
    ),
    _section(
        "Ant",
        "4b, d",
        " The paper's form, and losses without the limit, are compared on ReacherGoal only.",
        columns=(465, 936, 1882, 4354, 8757, 30804, 100_000),
        notes=_NOTES,
    ),
)
