"""The section of the results page: binary digits."""

from ml3_ros.experiments.runner.section import GRADIENT_CURVES, Section, Target

DIGITS = Section(
    name="digits",
    title="Binary digits (Fig. 2, bottom)",
    command="ml3 experiment digits --out out/digits",
    paper="on pairs of digits never seen the learned loss beats cross-entropy at the same step",
    authors="only on a branch marked untested",
    ours="negative log-likelihood after 100 steps: ours through SGD {ml3_sgd/likelihood:.2g}, "
    "through Adam {ml3_adam/likelihood:.2g}; tuned SGD {sgd_tuned/likelihood:.2g}, tuned Adam "
    "{adam_tuned/likelihood:.2g}",
    about="Held-out images of pairs of digits that meta-training never saw, mean over pairs and "
    "networks of a seed, {seeds:.0f} seeds; real handwritten digits of 8 x 8 pixels, LeNet.",
    notes=(
        "Ours through SGD has {ml3_sgd/likelihood / sgd_tuned/likelihood:.2f} of the likelihood "
        "loss of tuned SGD, through Adam "
        "{ml3_adam/likelihood / adam_tuned/likelihood:.2f} of that of tuned Adam.",
        "Wrong are {ml3_sgd/errors:.1%} and {ml3_adam/errors:.1%} of the images, under tuned SGD "
        "and Adam {sgd_tuned/errors:.1%} and {adam_tuned/errors:.1%}.",
        "The paper's recipe has {ml3_paper/likelihood / sgd_same_step/likelihood:.2f} of the "
        "likelihood loss of SGD at its own small step.",
    ),
    targets=(
        Target(
            text="likelihood loss after 100 steps over that of tuned SGD, ours through SGD",
            key="ml3_sgd/likelihood / sgd_tuned/likelihood",
            relation="<=",
            value=1.0,
        ),
        Target(
            text="the same, ours through Adam over tuned Adam",
            key="ml3_adam/likelihood / adam_tuned/likelihood",
            relation="<=",
            value=1.0,
        ),
    ),
    columns=(10, 20, 50, 100, 200, 300),
    panels={"": "negative log-likelihood [nat]", "errors": "share of errors"},
    figures={"digits.png": "digits.png"},
    curves=GRADIENT_CURVES,
    y="negative log-likelihood [nat]",
)
