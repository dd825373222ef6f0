"""The experiments with arms on the results page."""

from ml3_ros.experiments.claims import Section, Target

NEVER_RELEASED = "never released"
NOT_IN_PAPER = "not in the paper"

_CLAIMS = {
    "reacher": "the loss trained with the physics prior is best, without it worst",
    "sawyer": "the loss trained with the physics prior is best, without it it ends where MSE does",
}
_CURVES = ("ml3_prior", "ml3_adaptive", "ml3_shaped", "sgd_tuned", "adam_tuned", "hybrid")
_PLAIN = (
    "`ml3_shaped` and `ml3_unshaped` are plain ML3 with a structured loss network (`_mlp` the "
    "paper's): the task loss of meta-training has the physics prior, or not. `ml3_adaptive` acts "
    "through Adam with learned step sizes; `ml3_prior` also carries a prior of the arm's family "
    "and identifies the arm. "
)
_PROTOCOL = (
    "Held-out NMSE on robots that nothing was trained or tuned on, {seeds:.0f} seeds, median over "
    "robots and networks of a seed. SGD and Adam chose their step size anew for every number of "
    "steps, on validation robots of the kind that they are tested on. Ratios are geometric means "
    "over all runs, paired, to tuned Adam."
)


def _below_adam(panel: str, where: str, marks: tuple[int, ...]) -> tuple[Target, ...]:
    """Return the targets of the adaptive losses: below tuned Adam after so many steps."""
    prefix = f"{panel}/" if panel else ""
    return tuple(
        Target(
            text=f"{method} over tuned Adam, {where}, after {mark} steps",
            key=f"{prefix}{method}/ratio_at_{mark}",
            relation="<=",
            value=1.0,
        )
        for method in ("ml3_adaptive", "ml3_prior")
        for mark in marks
    )


def _given(robot: str, figure: str) -> Section:
    """Return the section of the experiment with F(q, v) given."""
    return Section(
        name=f"invdyn_{robot}",
        title=f"Inverse dynamics of {robot.capitalize()} (Fig. {figure})",
        command=f"ml3 experiment invdyn_{robot} --out out/invdyn_{robot}",
        paper=_CLAIMS[robot],
        authors=NEVER_RELEASED,
        ours="after 100 steps on the nominal robot: shaped {ml3_shaped at 100:.2g}, unshaped "
        "{ml3_unshaped at 100:.2g}, adaptive {ml3_adaptive at 100:.2g}, with prior "
        "{ml3_prior at 100:.2g}; tuned SGD {sgd_tuned at 100:.2g}, tuned Adam "
        "{adam_tuned at 100:.2g}",
        about=_PLAIN + _PROTOCOL,
        notes=(
            "With payload and other masses the adaptive loss has "
            "{given/perturbed/ml3_adaptive/ratio_at_10:.2f} of the error of tuned Adam after 10 "
            "steps and {given/perturbed/ml3_adaptive/ratio_at_100:.2f} after 100 steps, the loss "
            "with a prior {given/perturbed/ml3_prior/ratio_at_10:.2f} and "
            "{given/perturbed/ml3_prior/ratio_at_100:.2f}.",
            "Shaped over unshaped, plain ML3, after 100 steps: "
            "{ml3_shaped at 100 / ml3_unshaped at 100:.2f} on the nominal robot.",
        ),
        targets=(
            *_below_adam("", "nominal robot", (10, 100)),
            *_below_adam("given/perturbed", "payload and masses", (10, 100)),
        ),
        columns=(1, 5, 10, 20, 50, 100, 1000),
        panels={
            "": "F given, nominal robot",
            "given/payload": "F given, payload",
            "given/masses": "F given, other masses",
            "given/perturbed": "F given, payload and other masses",
            "residual/perturbed": "F of the nominal robot given; payload, masses, friction, noise",
        },
        figures={f"invdyn_{robot}.png": f"invdyn_{robot}.png"},
        curves=_CURVES,
        y="held-out NMSE",
    )


def _live(robot: str) -> Section:
    """Return the section of the experiment with F(q, v) learned too, from a stream."""
    name = f"invdyn_{robot}_live"
    return Section(
        name=name,
        title=f"Inverse dynamics of {robot.capitalize()} from a stream",
        command=f"ml3 experiment {name} --out out/{name}",
        paper=NOT_IN_PAPER,
        authors=NEVER_RELEASED,
        ours="at the end, nominal robot: adaptive {ml3_adaptive at 750:.2g}, with prior "
        "{ml3_prior at 750:.2g}; tuned SGD {sgd_tuned at 750:.2g}, tuned Adam "
        "{adam_tuned at 750:.2g}",
        about="F(q, v) is learned too, from a simulated stream of 100 Hz. " + _PROTOCOL,
        targets=(
            *_below_adam("", "nominal robot", (125, 750)),
            *_below_adam("live/perturbed", "perturbed robot", (125, 750)),
        ),
        panels={
            "": "nominal robot, 12.5 steps/s",
            "live/perturbed": "perturbed robot, 12.5 steps/s",
            "live_fast/nominal": "nominal robot, 100 steps/s",
            "live_fast/perturbed": "perturbed robot, 100 steps/s",
        },
        figures={f"{name}.png": f"{name}.png"},
        curves=_CURVES,
        y="held-out NMSE",
    )


ARMS = (_given("reacher", "5c"), _given("sawyer", "5d"), _live("reacher"), _live("sawyer"))

_RUN_OURS = (
    "held out, at the end: with prior or shaped {ml3_shaped_heldout_nmse:.2g}, tuned Adam "
    "{adam_tuned_heldout_nmse:.2g}, least squares with friction "
    "{least_squares_friction_heldout_nmse:.2g}"
)

DEMO = Section(
    name="demo",
    title="Live over ROS 2: make demo",
    command="ml3 up sawyer_invdyn loss:=shipped out:=out/demo",
    paper=NOT_IN_PAPER,
    authors="-",
    ours=_RUN_OURS,
    about="",
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
    about="",
    figures={"ur10.png": "invdyn_live.png"},
    one_run=True,
)

RUNS = (DEMO, UR10)
