"""docs/results.md from metrics files: no number on it is typed by hand."""

import textwrap
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path

from jinja2 import Environment, StrictUndefined

from ml3_ros.errors import DataError
from ml3_ros.experiments.page.measured import Measured
from ml3_ros.experiments.page.tables import curve_tables, run_tables, targets_table
from ml3_ros.experiments.runner.section import Section
from ml3_ros.reports.tables import markdown

NOT_RUN = "not run yet"
OVERVIEW = "results.png"
WIDTH = 99  # of prose
HEADER = (
    "<!-- Made by `make docs` from docs/metrics; change the sections in ml3_ros/experiments. -->"
)
_TEMPLATES = Environment(undefined=StrictUndefined, autoescape=False)  # Markdown, no HTML


def load_metrics(folder: Path, sections: Sequence[Section]) -> dict[str, Measured]:
    """Return what was measured, by section; those without a file are missing.

    Raises:
        DataError: A file is damaged.
    """
    found = {section.name: Measured.load(folder / f"{section.name}.json") for section in sections}
    return {name: measured for name, measured in found.items() if measured is not None}


def results_page(sections: Sequence[Section], measured: Mapping[str, Measured]) -> str:
    """Return the page.

    Args:
        sections: What is on it.
        measured: Metrics by the section's name.

    Raises:
        DataError: A sentence or target names a number that its metrics lack.
    """
    rows, parts = [], []
    for section in sections:
        try:
            rows.append(_row(section, measured.get(section.name)))
            parts += _section(section, measured.get(section.name))
        except (KeyError, ValueError) as error:
            raise DataError(
                f"section {section.name} needs {error}, which its metrics lack: correct the "
                "section, or run the experiment anew"
            ) from error
    header = ["experiment", "the paper says", "the authors' code gives", "ours", "targets reached"]
    introduction = resources.files(__package__).joinpath("introduction.md").read_text("utf-8")
    top = ["# Results", HEADER, introduction.rstrip(), markdown(header, rows, n_texts=4)]
    if any(section.curves for section in sections if section.name in measured):
        top.append(f"![Learning curves of the experiments](images/{OVERVIEW})")
    return "\n\n".join([*top, *parts]) + "\n"


def _row(section: Section, measured: Measured | None) -> list[str]:
    """Return a section's line of the table at the top."""
    ours, reached = NOT_RUN, "-"
    if measured is not None:
        ours = _filled(section.ours, measured)
        if section.targets:
            good = sum(target.reached(measured[target.key]) for target in section.targets)
            reached = f"{good} of {len(section.targets)}"
    link = f"[{section.title}](#{section.anchor})"
    return [link, section.paper, section.authors, ours, reached]


def _section(section: Section, measured: Measured | None) -> list[str]:
    parts = [f"## {section.title}", f"```bash\n{section.command}\n```"]
    if measured is None:
        return [*parts, f"{NOT_RUN.capitalize()}."]
    parts += [f"![{section.title}](images/{name})" for name in section.figures]
    parts.append(_wrapped(_filled(section.about, measured)))
    notes = ("- " + _filled(note, measured) for note in section.notes)
    parts.append("\n".join(_wrapped(note, "  ") for note in notes))
    if section.targets:
        parts.append(targets_table(section, measured))
    parts += run_tables(measured) if section.one_run else curve_tables(section, measured)
    return [part for part in parts if part]


def _filled(template: str, measured: Measured) -> str:
    """Return a sentence with its numbers: m(NAME, FORMAT) in a Jinja2 template."""
    return _TEMPLATES.from_string(template).render(
        m=lambda name, form="": format(measured[name], form)
    )


def _wrapped(text: str, indent: str = "") -> str:
    return textwrap.fill(text, WIDTH, subsequent_indent=indent, break_on_hyphens=False)
