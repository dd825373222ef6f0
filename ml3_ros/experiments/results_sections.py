"""The experiments on the results page, in their order."""

from ml3_ros.experiments.claims import Section

NEVER_RELEASED = "never released"

SINE_REGRESSION = Section(
    name="sine_regression",
    title="Sine regression (Fig. 2, top)",
    command="ml3 experiment sine_regression --out out/sine_regression",
    paper="on sines outside the training distribution the learned loss beats the task loss at "
    "the same step size",
    authors="test MSE after 100 steps 2.23 ± 0.51, SGD on MSE at the same step 3.59 ± 0.85; not "
    "compared with a tuned step",
    ours="",
    about="",
    figures={"sine_regression.png": "sine_regression.png"},
)

DIGITS = Section(
    name="digits",
    title="Binary digits (Fig. 2, bottom)",
    command="ml3 experiment digits --out out/digits",
    paper="on pairs of digits never seen the learned loss beats cross-entropy at the same step",
    authors="only on a branch marked untested",
    ours="",
    about="",
    figures={"digits.png": "digits.png"},
)

SHAPED_SINE = Section(
    name="shaped_sine",
    title="Shaped sine (Fig. 5a, b)",
    command="ml3 experiment shaped_sine --out out/shaped_sine",
    paper="with the true frequency at meta-train time the landscape becomes convex, and the "
    "frequency is found where MSE fails",
    authors="from random starts shaped 15 of 20 (five run away), unshaped 3 of 20, MSE 0 to 3 of "
    "20 within 0.1 after 100 steps",
    ours="",
    about="",
    figures={"shaped_sine.png": "shaped_sine.png", "shaped_sine.gif": "shaped_sine.gif"},
)

GENERALISATION = Section(
    name="generalisation",
    title="Other architectures (as Fig. 4c, d)",
    command="ml3 experiment generalisation --out out/generalisation",
    paper="a loss trained with two layers trains policies of other depths",
    authors=NEVER_RELEASED,
    ours="",
    about="",
    figures={"generalisation.png": "generalisation.png"},
)

INVDYN_REACHER = Section(
    name="invdyn_reacher",
    title="Inverse dynamics of Reacher (Fig. 5c)",
    command="ml3 experiment invdyn_reacher --out out/invdyn_reacher",
    paper="the loss trained with the physics prior is best, without it worst",
    authors=NEVER_RELEASED,
    ours="",
    about="",
    figures={"invdyn_reacher.png": "invdyn_reacher.png"},
)

INVDYN_SAWYER = Section(
    name="invdyn_sawyer",
    title="Inverse dynamics of Sawyer (Fig. 5d)",
    command="ml3 experiment invdyn_sawyer --out out/invdyn_sawyer",
    paper="the loss trained with the physics prior is best; without it, it ends where MSE ends",
    authors=NEVER_RELEASED,
    ours="",
    about="",
    figures={"invdyn_sawyer.png": "invdyn_sawyer.png"},
)

DEMO = Section(
    name="demo",
    title="Live on a stream: make demo",
    command="ml3 up sawyer_invdyn loss:=shipped out:=out/demo",
    paper="-",
    authors="-",
    ours="",
    about="",
    figures={"demo.png": "invdyn_live.png"},
    one_run=True,
)

UR10 = Section(
    name="ur10",
    title="A real arm: the UR10 recording",
    command="ml3 up replay bag:=ur10_exciting_trajectory.db3 urdf:=ur10 out:=out/ur10",
    paper="-",
    authors="-",
    ours="",
    about="",
    figures={"ur10.png": "invdyn_live.png"},
    one_run=True,
)

SECTIONS = (
    SINE_REGRESSION,
    DIGITS,
    SHAPED_SINE,
    GENERALISATION,
    INVDYN_REACHER,
    INVDYN_SAWYER,
    DEMO,
    UR10,
)
