"""Runs over ROS 2 on the results page."""

from ml3_ros.experiments.runner.section import NOT_IN_PAPER, Section, Target

_RUN_OURS = (
    "held out, at the end: adaptive {ml3_adaptive_heldout_nmse:.2g}, shaped "
    "{ml3_shaped_heldout_nmse:.2g}, tuned Adam "
    "{adam_tuned_heldout_nmse:.2g}, least squares with friction "
    "{least_squares_friction_heldout_nmse:.2g}"
)
_RUN_NOTES = (
    "Held out, at the end, the shaped loss has "
    "{ml3_shaped_heldout_nmse / adam_tuned_heldout_nmse:.2f} of the error of tuned Adam, the "
    "unshaped one {ml3_unshaped_heldout_nmse / adam_tuned_heldout_nmse:.2f}; least squares with "
    "friction columns {least_squares_friction_heldout_nmse / adam_tuned_heldout_nmse:.2f}.",
    "While learning, every sample predicted before it is learned from: shaped "
    "{ml3_shaped_prequential_nmse:.2g}, unshaped {ml3_unshaped_prequential_nmse:.2g}, tuned Adam "
    "{adam_tuned_prequential_nmse:.2g}, tuned SGD {sgd_tuned_prequential_nmse:.2g}; with a model "
    "of the arm: least squares with friction {least_squares_friction_prequential_nmse:.2g}, the "
    "classical fit of gain, friction and offset {classical_fit_prequential_nmse:.2g} "
    "({classical_fit_in_sample_nmse:.2g} in sample), the model alone "
    "{rigid_body_prequential_nmse:.2g}.",
)
_ADAPTIVE_NOTE = (
    "The adaptive loss has {ml3_adaptive_heldout_nmse / adam_tuned_heldout_nmse:.2f} of the "
    "held-out error of tuned Adam, and {ml3_adaptive_prequential_nmse / "
    "adam_tuned_prequential_nmse:.2f} of it while learning."
)
_PRIOR_NOTE = (
    "The loss with a prior, which is given a model of this kind of arm, has "
    "{ml3_prior_heldout_nmse / adam_tuned_heldout_nmse:.2f} of it held out and "
    "{ml3_prior_prequential_nmse / adam_tuned_prequential_nmse:.2f} while learning."
)


def _run_targets(*methods: str) -> tuple[Target, ...]:
    """Return the targets of a run: learned losses below tuned Adam."""
    return tuple(
        Target(
            text=f"`{method}` over tuned Adam, {when}",
            key=f"{method}_{what}_nmse / adam_tuned_{what}_nmse",
            relation="<=",
            value=1.0,
        )
        for method in methods
        for when, what in (("held out", "heldout"), ("while learning", "prequential"))
    )


DEMO = Section(
    name="demo",
    title="Live over ROS 2: make demo",
    command="ml3 up sawyer_invdyn loss:=shipped out:=out/demo",
    paper=NOT_IN_PAPER,
    authors="-",
    ours=_RUN_OURS,
    about="A simulated Sawyer with a payload, other masses and friction streams for "
    "{config/learn_duration:g} s, then frozen models are tested for "
    "{config/hold_out_duration:g} s. One run on one robot; all methods saw the same samples. SGD "
    "and Adam have step sizes that were tuned on other robots.",
    notes=(*_RUN_NOTES, _ADAPTIVE_NOTE, _PRIOR_NOTE),
    targets=_run_targets("ml3_shaped", "ml3_adaptive", "ml3_prior"),
    figures={"demo.png": "invdyn_live.png"},
    one_run=True,
)

UR10 = Section(
    name="ur10",
    title="A real arm: the UR10 recording",
    command="ml3 up replay bag:=ur10_exciting_trajectory.db3 urdf:=ur10 out:=out/ur10",
    paper=NOT_IN_PAPER,
    authors="-",
    ours=_RUN_OURS,
    about="A recorded UR10 at 125 Hz, the first {config/learn_duration:g} s learned from, the "
    "rest held out; losses were meta-trained on simulated UR10s only. One trajectory does not "
    "teach a network what gravity does elsewhere.",
    notes=(*_RUN_NOTES, _ADAPTIVE_NOTE),
    targets=_run_targets("ml3_shaped", "ml3_adaptive"),
    figures={"ur10.png": "invdyn_live.png"},
    one_run=True,
)

RUNS = (DEMO, UR10)
