"""The section of the results page: sine regression and the frequency of a sine."""

from ml3_ros.experiments.runner.section import GRADIENT_CURVES, Section, Target

_OURS = (
    "after 100 steps ours through SGD {ml3_sgd/mse:.2g}, through Adam {ml3_adam/mse:.2g}; tuned "
    "SGD {sgd_tuned/mse:.2g}, tuned Adam {adam_tuned/mse:.2g}"
)
_ABOUT = """\
Mean squared error on held-out points, mean over the test tasks of a seed, {seeds:.0f} seeds.
`ml3_paper` is the paper's recipe: one training task, fresh networks, one step at a time.
`ml3_sgd` and `ml3_adam` are ours: wider tasks, 20 unrolled steps, errors weighted by x and age,
the latter with learned step sizes; `adam_learned_steps` has learned step sizes on the squared
error."""
_NOTES = (
    "The paper's recipe has {ml3_paper_over_sgd_same_step:.2f} of the error of SGD at the same "
    "step, and {ml3_paper_over_sgd_tuned:.1f} times that of tuned SGD.",
    "Ours through SGD has {ml3_sgd_over_sgd_tuned:.2f} of the error of tuned SGD. Through Adam it "
    "has {ml3_adam_over_adam_tuned:.2f} of that of tuned Adam, and "
    "{ml3_adam_over_adam_learned_steps:.2f} of what the learned step sizes alone reach.",
    "When meta-training ended, the test error was {ml3_sgd/final_over_best:.2f} (SGD) and "
    "{ml3_adam/final_over_best:.2f} (Adam) times its lowest value on the way, with the paper's "
    "recipe {ml3_paper/final_over_best:.2f} times.",
)
_TARGETS = (
    Target(
        text="error after 100 steps over that of tuned SGD, ours through SGD",
        key="ml3_sgd_over_sgd_tuned",
        relation="<=",
        value=0.5,
    ),
    Target(
        text="the same, ours through Adam",
        key="ml3_adam_over_sgd_tuned",
        relation="<=",
        value=0.5,
    ),
    Target(
        text="ours through Adam over tuned Adam",
        key="ml3_adam_over_adam_tuned",
        relation="<=",
        value=1.0,
    ),
    Target(
        text="no drift: test error at the end of meta-training over its lowest, through SGD",
        key="ml3_sgd/final_over_best",
        relation="<=",
        value=1.05,
    ),
    Target(
        text="the same, through Adam",
        key="ml3_adam/final_over_best",
        relation="<=",
        value=1.05,
    ),
)
SINE_REGRESSION = Section(
    name="sine_regression",
    title="Sine regression (Fig. 2, top)",
    command="ml3 experiment sine_regression --out out/sine_regression",
    paper="on sines outside of the training distribution the learned loss beats the task loss at "
    "the same step size",
    authors="see the next line: the released code has another setting",
    ours=_OURS,
    about=_ABOUT,
    notes=_NOTES,
    targets=_TARGETS,
    columns=(1, 10, 50, 100, 200, 500, 1000),
    panels={"": "error over gradient steps"},
    figures={"sine_regression.png": "sine_regression.png"},
    curves=GRADIENT_CURVES,
    y="test MSE",
)

SINE_REGRESSION_RELEASED = Section(
    name="sine_regression_released",
    title="Sine regression, the released code's setting",
    command="ml3 experiment sine_regression_released --out out/sine_regression_released",
    paper="the same",
    authors="after 100 steps 2.23 ± 0.51, SGD on MSE at the same step 3.59 ± 0.85; never compared "
    "with a tuned step",
    ours=_OURS,
    about=_ABOUT,
    notes=_NOTES,
    targets=_TARGETS,
    columns=SINE_REGRESSION.columns,
    panels=SINE_REGRESSION.panels,
)

SHAPED_SINE = Section(
    name="shaped_sine",
    title="Shaped sine (Fig. 5a, b)",
    command="ml3 experiment shaped_sine --out out/shaped_sine",
    paper="with the true frequency at meta-train time the landscape becomes convex, and "
    "frequencies are found that MSE misses",
    authors="from random starts within 0.1 after 100 steps: shaped 15 of 20 (five run away), "
    "unshaped 3 of 20, MSE 0 to 3 of 20",
    ours="from random starts within tolerance after 100 steps: shaped {ml3_shaped_recovered:.1%}, "
    "unshaped {ml3_unshaped_recovered:.1%}, tuned SGD on MSE {sgd_tuned_recovered:.1%}, tuned "
    "Adam {adam_tuned_recovered:.1%}",
    about="Share of {runs:.0f} runs (frequencies x random starts x {seeds:.0f} seeds) within 0.1 "
    "of the true frequency. Shaped: the task loss of meta-training is the distance to the true "
    "frequency, which no loss sees at meta-test. `ml3_shaped_mlp` is the paper's MLP.",
    notes=(
        "After 100 steps {ml3_shaped_run_away:.0f} of {runs:.0f} runs of the shaped loss were "
        "farther from the truth than any start can be; with the paper's MLP "
        "{ml3_shaped_mlp_run_away:.0f}.",
        "The worst seed of the shaped loss recovers {ml3_shaped_recovered_worst_seed:.1%}.",
    ),
    targets=(
        Target(
            text="share that the shaped loss recovers",
            key="ml3_shaped_recovered",
            relation=">=",
            value=0.95,
        ),
        Target(
            text="runs of the shaped loss that run away",
            key="ml3_shaped_run_away",
            relation="<=",
            value=0.0,
        ),
    ),
    columns=(1, 5, 10, 20, 50, 100, 500),
    panels={"": "share recovered"},
    figures={"shaped_sine.png": "shaped_sine.png", "shaped_sine.gif": "shaped_sine.gif"},
    curves=("ml3_shaped", "ml3_unshaped", "ml3_shaped_mlp", "sgd_tuned", "adam_tuned"),
    y="share within 0.1",
    scale="linear",
)
