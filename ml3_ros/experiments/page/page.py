# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Results page (docs/results.md), rendered from metrics files alone by Jinja2 templates."""

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from ml3_ros.errors import DataError
from ml3_ros.experiments.page.choices import choices_table
from ml3_ros.experiments.page.metrics_view import MetricsView
from ml3_ros.experiments.page.tables import section_tables
from ml3_ros.experiments.runner.section import Section
from ml3_ros.reports.tables import markdown_table

NOT_RUN = "not run yet"
OVERVIEW = "results.png"
WIDTH = 99  # of prose


def load_metrics(folder: Path, sections: Sequence[Section]) -> dict[str, MetricsView]:
    """Read the metrics of every section that has a file; return them by its name.

    Raises:
        DataError: A file is damaged.
    """
    names = [section.name for section in sections]
    views = ((name, MetricsView.load(folder / f"{name}.json")) for name in names)
    return {name: view for name, view in views if view is not None}


def results_page(sections: Sequence[Section], metrics: Mapping[str, MetricsView]) -> str:
    """Return the page, from the templates `results.md.j2` and `section.md.j2`.

    Args:
        sections: What is on it.
        metrics: By the section's name; one without is shown as not run yet.

    Raises:
        DataError: A sentence or target names a number that its metrics lack.
    """
    rows, parts = [], []
    for section in sections:
        try:
            rows.append(_row(section, metrics))
            parts.append(_section(section, metrics))
        except (KeyError, ValueError) as error:
            raise DataError(
                f"section {section.name} needs {error}, which its metrics lack: correct the "
                "section, or run the experiment anew"
            ) from error
    header = ["experiment", "paper", "authors' code", "ours", "targets reached"]
    return _PAGES.get_template("results.md.j2").render(
        choices=choices_table(metrics),
        overview=markdown_table(header, rows, n_texts=4),
        has_curves=any(section.curves for section in sections if section.name in metrics),
        figure=OVERVIEW,
        sections=parts,
    )


def _row(section: Section, metrics: Mapping[str, MetricsView]) -> list[str]:
    """Return a section's line of the table at the top."""
    ours, reached = NOT_RUN, "-"
    if section.name in metrics:
        own = metrics[section.name]
        ours = _filled(section.ours, own, metrics)
        if section.targets:
            good = sum(target.reached(own[target.key]) for target in section.targets)
            reached = f"{good} of {len(section.targets)}"
    link = f"[{section.title}](#{section.anchor})"
    return [link, section.paper, section.authors, ours, reached]


def _section(section: Section, metrics: Mapping[str, MetricsView]) -> str:
    """Return a section: its command, figures, sentences and tables."""
    own, about, tables, notes = metrics.get(section.name), "", [], []
    if own is not None:
        tables = section_tables(section, own)
        about = _filled(section.about, own, metrics)
        notes = [_filled(note, own, metrics) for note in section.notes]
    page = _PAGES.get_template("section.md.j2")
    # a note of what did not run is empty
    return page.render(
        section=section, metrics=own, about=about, tables=tables, notes=list(filter(None, notes))
    )


def _filled(template: str, own: MetricsView, metrics: Mapping[str, MetricsView]) -> str:
    """Return a sentence with its numbers, a Jinja2 template.

    m(NAME, FORMAT) is one of the section's own, m(NAME, FORMAT, of=SECTION) of another's, and
    has(NAME) tells whether there is one of its own.
    """

    def number(name: str, form: str = "", of: str = "") -> str:
        return format(metrics[of][name] if of else own[name], form)

    filled = _PAGES.from_string(template).render(m=number, has=own.__contains__)
    return " ".join(filled.split())


def _wrapped(text: str, mark: str = "") -> str:
    """Return prose in lines of WIDTH; behind a mark, such as that of a list, they are indented."""
    return textwrap.fill(
        text, WIDTH, initial_indent=mark, subsequent_indent=" " * len(mark), break_on_hyphens=False
    )


_PAGES = Environment(
    loader=PackageLoader(__package__, "."),
    autoescape=False,  # Markdown, not HTML
    undefined=StrictUndefined,
    trim_blocks=True,
    keep_trailing_newline=True,
)
_PAGES.filters |= {"wrapped": _wrapped}
