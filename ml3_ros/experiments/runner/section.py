# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Sections of the results page: claims of the paper, targets, and sentences that numbers fill.

They stand in `sections.yaml` of each experiment's folder. Our numbers never stand there: sentences
are Jinja2 templates that name them as `{{ m("NAME", "FORMAT") }}`, where NAME is a headline key of
the metrics file or one of the others that `page.metrics_view.MetricsView` knows; `has("NAME")`
tells whether there is such a number, for experiments that may run in part. A number of another
section is `{{ m("NAME", "FORMAT", of="SECTION") }}`. Numbers of the paper and of the authors' code
(github.com/facebookresearch/LearningToLearn, measured unmodified) do.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Any, Literal

import yaml

ROUNDING = 1e-6  # what is equal in exact numbers may differ by this share


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """A number to reach: a metric and its bound."""

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
        targets: Metrics to reach.
        columns: Abscissae of the tables; empty for some spread over all.
        rows: Key of the config that names the abscissae, where tables have a row for each.
        panels: Titles of groups of methods.
        estimates: Headlines PANEL/METHOD/KEY that are columns of the tables in place of curves,
            KEY by the column's title; with KEY_low and KEY_high they are shown with their
            interval. Then panels are those that ran.
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
    estimates: Mapping[str, str] = field(default_factory=dict)
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


def load_sections(package: str) -> tuple[Section, ...]:
    """Read the sections in a package's `sections.yaml`, one document each.

    A document may have `like: NAME` and takes what it leaves out from that earlier one.
    """
    text = resources.files(package).joinpath("sections.yaml").read_text("utf-8")
    read: dict[str, dict[str, Any]] = {}
    for document in yaml.safe_load_all(text):
        read[document["name"]] = {**read.get(document.pop("like", ""), {}), **document}
    return tuple(_section(**fields) for fields in read.values())


def _section(**fields: Any) -> Section:
    for name in ("notes", "columns", "curves"):
        fields[name] = tuple(fields.get(name, ()))
    fields["targets"] = tuple(Target(**target) for target in fields.get("targets", ()))
    return Section(**fields)
