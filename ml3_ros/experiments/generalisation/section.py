"""The section of the results page: other architectures."""

from ml3_ros.experiments.runner.section import NEVER_RELEASED, Section, Target

GENERALISATION = Section(
    name="generalisation",
    title="Other architectures (as Fig. 4c, d)",
    command="ml3 experiment generalisation --out out/generalisation",
    paper="a loss that was trained with two layers trains policies of other depths",
    authors=NEVER_RELEASED,
    ours="on architectures never seen, error after 100 steps over that of Adam tuned for each, "
    "median: sine {sine/over_adam_tuned/median:.2f}, Reacher "
    "{reacher/over_adam_tuned/median:.2f}",
    about="One loss, trained on two hidden layers of 64 tanh units, trains networks of other "
    "depths, widths and nonlinearities; {seeds:.0f} seeds. SGD and Adam are tuned anew for every "
    "architecture on validation tasks. Ratios are geometric means over seeds and tasks.",
    notes=(
        "Sine: below tuned Adam on {sine/over_adam_tuned/better:.0%} of the architectures, at "
        "worst {sine/over_adam_tuned/worst:.2f} of its error; below tuned SGD on "
        "{sine/over_sgd_tuned/better:.0%}, median {sine/over_sgd_tuned/median:.2f}.",
        "Reacher: below tuned Adam on {reacher/over_adam_tuned/better:.0%}, at worst "
        "{reacher/over_adam_tuned/worst:.2f}; below tuned SGD on "
        "{reacher/over_sgd_tuned/better:.0%}, median {reacher/over_sgd_tuned/median:.2f}.",
    ),
    targets=tuple(
        Target(
            text=f"{where}: median error over tuned Adam",
            key=f"{setting}/over_adam_tuned/median",
            relation="<=",
            value=1.0,
        )
        for setting, where in (("sine", "sine regression"), ("reacher", "Reacher"))
    ),
    rows="architectures",
    panels={"": "sine regression: test MSE", "reacher": "Reacher: held-out NMSE"},
    figures={"generalisation.png": "generalisation.png"},
)
