"""What the results page says: claims of the paper, targets, and sentences to be filled.

Numbers of ours never stand here: sentences name them as "{NAME:FORMAT}", where NAME is a headline
key of the metrics file or one of the others that `measured.Measured` knows. Numbers of the paper
and of the authors' code (github.com/facebookresearch/LearningToLearn, measured unmodified) do.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

INTRODUCTION = """\
*Plain ML3* is the paper's method: a loss network on prediction and target, through which gradient
descent at a fixed step trains the optimizee. *Ours* are adaptive losses, which also see the age of
the model and carry learned step sizes for Adam, losses that carry a physics prior, and, for
policies, losses that want an action and are also meta-trained by where they lead in the end. Every
baseline chose its step size on a validation pool of its own, with the same number of candidates
for all; no result is on data that anything was chosen by. **Where the rigid-body structure of an
arm with friction columns is right, take least squares instead**: it needs seconds of motion and
beats every network here by orders of magnitude.

Cells are medians over seeds [lowest highest]; a seed that diverged stays in as ∞ and is
counted."""


NEVER_RELEASED = "never released"
NOT_IN_PAPER = "not in the paper"
ROUNDING = 1e-6  # what is equal in exact numbers may differ by this share


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """A number that we wanted to reach."""

    text: str
    key: str
    relation: Literal["<=", ">="]
    value: float

    def reached(self, measured: float) -> bool:
        """Return whether `measured` is good enough, up to rounding; NaN is not."""
        slack = ROUNDING * abs(self.value)
        if self.relation == "<=":
            return measured <= self.value + slack
        return measured >= self.value - slack


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """One experiment on the page.

    Attributes:
        name: Of its file in docs/metrics.
        title: Heading.
        command: What makes its metrics.
        paper: The paper's claim, short.
        authors: What the authors' code gives, short.
        ours: What we measured, short; a template, as `about` and `notes`.
        about: What the tables show.
        notes: What follows from it.
        targets: What we wanted.
        columns: Abscissae of the tables; empty for some spread over all.
        rows: Key of the config that names the abscissae, where tables have a row for each.
        panels: Titles of groups of methods.
        figures: Files of the run by what they are called in docs/images.
        curves: Methods that the overview figure draws; none leaves the experiment out of it.
        curves_panel: The panel that they are of.
        y: What curves count.
        scale: Of that axis.
        one_run: Whether it is a run of the nodes on one robot, not a sweep over seeds.
    """

    name: str
    title: str
    command: str
    paper: str
    authors: str
    ours: str
    about: str
    notes: tuple[str, ...] = ()
    targets: tuple[Target, ...] = ()
    columns: tuple[float, ...] = ()
    rows: str = ""
    panels: Mapping[str, str] = field(default_factory=dict)
    figures: Mapping[str, str] = field(default_factory=dict)
    curves: tuple[str, ...] = ()
    curves_panel: str = ""
    y: str = ""
    scale: Literal["log", "linear"] = "log"
    one_run: bool = False

    @property
    def anchor(self) -> str:
        """Where links to the heading lead, as GitHub makes them."""
        kept = "".join(c for c in self.title.lower() if c.isalnum() or c in " -_")
        return kept.replace(" ", "-")


GRADIENT_CURVES = (
    "ml3_adam",
    "ml3_sgd",
    "ml3_paper",
    "adam_tuned",
    "sgd_tuned",
    "sgd_same_step",
)
"""Curves of what is learned by gradient steps on a network, in the order of the legend."""
